//! What can be changed: each field translates, and calls one action.

use super::{
    Request,
    error::{Answer, answer},
    grant::GrantNode,
    input::{
        AddOrganizationMemberInput, AddOrganizationToTokenInput, ChangePasswordInput, CreateOrganizationInput,
        CreateTokenInput, EndSessionInput, EndSessionsInput, RemoveOrganizationFromTokenInput,
        RemoveOrganizationMemberInput, RevokeTokenInput, UpdateOrganizationInput, UpdateOrganizationMemberInput,
        UpdateProfileInput, UpdateTokenInput, organization_id, session_id, token_id, user_id,
    },
    organization::OrganizationNode,
    request,
    token::TokenNode,
    user::UserNode,
};
use crate::{
    actions::{
        AddOrganizationMember, AddOrganizationToToken, CreateOrganization, CreateToken, RemoveOrganizationFromToken,
        RemoveOrganizationMember, RevokeToken, SetPassword, UpdateOrganization, UpdateOrganizationMember,
        UpdateProfile, UpdateToken, create_token,
    },
    domain::{
        error::{Error, Result},
        id::UserId,
        organization::Role,
        policy, text,
        token::{self, Token},
    },
};
use async_graphql::{Context, ID, Object, SimpleObject};

/// What can be changed.
pub struct Mutation;

/// What can be changed.
#[Object]
impl Mutation {
    /// Makes a token. Its value is in this answer and nowhere else.
    async fn create_token(&self, ctx: &Context<'_>, input: CreateTokenInput) -> Answer<CreateTokenPayload> {
        let request = request(ctx);
        answer(
            async {
                let ask = new_token(request, &input)?;
                let (token, secret) = create_token(&request.app, &request.caller, ask).await?;
                Ok(CreateTokenPayload { token: own(request, token), value: secret.reveal_once() })
            }
            .await
            .map_err(in_input),
        )
    }

    /// Changes what a token is for, what it may do, or when it ends. What is left out stays as it is.
    async fn update_token(&self, ctx: &Context<'_>, input: UpdateTokenInput) -> Answer<UpdateTokenPayload> {
        let request = request(ctx);
        answer(
            async {
                let change = UpdateToken {
                    token: token_id(&input.token_id),
                    description: input.description,
                    scopes: input.scopes,
                    expires_at: input.expires_at.map(|end| end.0),
                    catalogue: request.app.catalogue().clone(),
                };
                let token = request.app.change(&request.caller, change).await?;
                Ok(UpdateTokenPayload { token: own(request, token) })
            }
            .await
            .map_err(in_input),
        )
    }

    /// The owner lets the token reach an organization that they are a member of; also again, after an administrator
    /// removed it.
    async fn add_organization_to_token(
        &self,
        ctx: &Context<'_>,
        input: AddOrganizationToTokenInput,
    ) -> Answer<AddOrganizationToTokenPayload> {
        let request = request(ctx);
        answer(
            async {
                let change = AddOrganizationToToken {
                    token: token_id(&input.token_id),
                    organization: organization_id(&input.organization_id),
                };
                let (token, grant) = request.app.change(&request.caller, change).await?;
                Ok(AddOrganizationToTokenPayload { token: own(request, token), grant: GrantNode(grant) })
            }
            .await
            .map_err(in_input),
        )
    }

    /// An administrator of the organization, or the owner, ends the token's access to it. The token lives on; its owner
    /// is e-mailed when somebody else did it.
    async fn remove_organization_from_token(
        &self,
        ctx: &Context<'_>,
        input: RemoveOrganizationFromTokenInput,
    ) -> Answer<RemoveOrganizationFromTokenPayload> {
        let request = request(ctx);
        answer(
            async {
                let organization = organization_id(&input.organization_id);
                let change = RemoveOrganizationFromToken {
                    token: token_id(&input.token_id),
                    organization,
                    reason: text::reason("reason", input.reason.as_deref())?,
                };
                let grant = request.app.change(&request.caller, change).await?;
                let found = request.app.store().organizations(&[organization]).await?.remove(&organization);
                let organization = found.ok_or_else(|| Error::Bug("a grant without an organization".into()))?;
                Ok(RemoveOrganizationFromTokenPayload {
                    grant: GrantNode(grant),
                    organization: OrganizationNode::from(organization),
                })
            }
            .await
            .map_err(in_input),
        )
    }

    /// Adds an organization, which the viewer then administers; where the operator lets people help themselves.
    async fn create_organization(
        &self,
        ctx: &Context<'_>,
        input: CreateOrganizationInput,
    ) -> Answer<CreateOrganizationPayload> {
        let request = request(ctx);
        answer(
            async {
                let admin = request.caller.user().ok_or(Error::Unauthenticated)?;
                // Whoever may add none hears of that first.
                policy::founder(&request.standing, request.app.self_service())?;
                let change = CreateOrganization {
                    slug: text::slug("slug", &input.slug)?,
                    name: text::name("name", &input.name)?,
                    admin: admin.into(),
                    self_service: request.app.self_service(),
                };
                let organization = request.app.change(&request.caller, change).await?;
                Ok(CreateOrganizationPayload { organization: OrganizationNode::anew(organization, Role::Admin) })
            }
            .await
            .map_err(in_input),
        )
    }

    /// An administrator changes the organization's name. Its slug stays.
    async fn update_organization(
        &self,
        ctx: &Context<'_>,
        input: UpdateOrganizationInput,
    ) -> Answer<UpdateOrganizationPayload> {
        let request = request(ctx);
        answer(
            async {
                let change = UpdateOrganization {
                    organization: organization_id(&input.organization_id).into(),
                    name: input.name.map(|name| text::name("name", &name)).transpose()?,
                };
                let organization = request.app.change(&request.caller, change).await?;
                Ok(UpdateOrganizationPayload { organization: OrganizationNode::from(organization) })
            }
            .await
            .map_err(in_input),
        )
    }

    /// An administrator makes somebody a member.
    async fn add_organization_member(
        &self,
        ctx: &Context<'_>,
        input: AddOrganizationMemberInput,
    ) -> Answer<AddOrganizationMemberPayload> {
        let request = request(ctx);
        answer(
            async {
                text::visible("user", &input.user)?;
                let change = AddOrganizationMember {
                    organization: organization_id(&input.organization_id).into(),
                    user: input.user.into(),
                    role: input.role.into(),
                };
                let (organization, user) = request.app.change(&request.caller, change).await?;
                let member = person(request, user).await?;
                Ok(AddOrganizationMemberPayload { organization: organization.into(), member })
            }
            .await
            .map_err(in_input),
        )
    }

    /// An administrator gives a member another role. The last administrator keeps theirs.
    async fn update_organization_member(
        &self,
        ctx: &Context<'_>,
        input: UpdateOrganizationMemberInput,
    ) -> Answer<UpdateOrganizationMemberPayload> {
        let request = request(ctx);
        answer(
            async {
                let change = UpdateOrganizationMember {
                    organization: organization_id(&input.organization_id).into(),
                    user: user_id(&input.user_id).into(),
                    role: input.role.into(),
                };
                let (organization, user) = request.app.change(&request.caller, change).await?;
                let member = person(request, user).await?;
                Ok(UpdateOrganizationMemberPayload { organization: organization.into(), member })
            }
            .await
            .map_err(in_input),
        )
    }

    /// The member's tokens lose the organization at once. The last administrator cannot be removed.
    async fn remove_organization_member(
        &self,
        ctx: &Context<'_>,
        input: RemoveOrganizationMemberInput,
    ) -> Answer<RemoveOrganizationMemberPayload> {
        let request = request(ctx);
        answer(
            async {
                let change = RemoveOrganizationMember {
                    organization: organization_id(&input.organization_id).into(),
                    user: user_id(&input.user_id).into(),
                };
                let (organization, user) = request.app.change(&request.caller, change).await?;
                let removed_user_id = user.to_string().into();
                Ok(RemoveOrganizationMemberPayload { organization: organization.into(), removed_user_id })
            }
            .await
            .map_err(in_input),
        )
    }

    /// Ends a session of the viewer's own: the browser that has it is signed out.
    async fn end_session(&self, ctx: &Context<'_>, input: EndSessionInput) -> Answer<EndSessionPayload> {
        let request = request(ctx);
        answer(
            async {
                let oneself = policy::oneself(&request.standing)?;
                let session = session_id(&input.session_id);
                if !request.app.store().upkeep().end_session(&oneself, session).await? {
                    return Err(Error::NotFound("session"));
                }
                Ok(EndSessionPayload { ended_session_id: session.to_string().into() })
            }
            .await
            .map_err(in_input),
        )
    }

    /// Ends all sessions of the viewer, but for the one that the request is made in unless that is wanted too.
    async fn end_sessions(&self, ctx: &Context<'_>, input: EndSessionsInput) -> Answer<EndSessionsPayload> {
        let request = request(ctx);
        answer(
            async {
                let oneself = policy::oneself(&request.standing)?;
                let but_for = request.caller.session().filter(|_| input.keep_current);
                let ended = request.app.store().upkeep().end_sessions(&oneself, but_for).await?;
                Ok(EndSessionsPayload { ended: i32::try_from(ended).unwrap_or(i32::MAX) })
            }
            .await
            .map_err(in_input),
        )
    }

    /// Chooses the password that the viewer signs in with, within a session whose password was given in the last 15
    /// minutes. All other sessions end.
    async fn change_password(&self, ctx: &Context<'_>, input: ChangePasswordInput) -> Answer<ChangePasswordPayload> {
        let request = request(ctx);
        answer(
            async {
                let user = request.caller.user().ok_or(Error::Unauthenticated)?;
                // Whoever may not do it hears of that first.
                policy::keyholder(&request.standing, user)?;
                let UserNode(before) = person(request, user).await?;
                let names = [Some(before.user.username), Some(before.user.name), before.user.email];
                let names = names.into_iter().flatten().collect();
                let hashed = request.app.password_chosen("newPassword", input.new_password, names).await?;
                request.app.change(&request.caller, SetPassword { user, hashed }).await?;
                Ok(ChangePasswordPayload { user: person(request, user).await? })
            }
            .await
            .map_err(in_input),
        )
    }

    /// Changes what people call the viewer. Where an identity provider says a name too, its word counts from the next
    /// request with its JWT on.
    async fn update_profile(&self, ctx: &Context<'_>, input: UpdateProfileInput) -> Answer<UpdateProfilePayload> {
        let request = request(ctx);
        answer(
            async {
                let name = input.name.map(|name| text::name("name", &name)).transpose()?;
                let user = request.app.change(&request.caller, UpdateProfile { name }).await?;
                Ok(UpdateProfilePayload { user: person(request, user).await? })
            }
            .await
            .map_err(in_input),
        )
    }

    /// The owner ends the token for good.
    async fn revoke_token(&self, ctx: &Context<'_>, input: RevokeTokenInput) -> Answer<RevokeTokenPayload> {
        let request = request(ctx);
        answer(
            async {
                let change = RevokeToken {
                    token: token_id(&input.token_id),
                    reason: text::reason("reason", input.reason.as_deref())?,
                };
                let token = request.app.change(&request.caller, change).await?;
                Ok(RevokeTokenPayload { token: own(request, token) })
            }
            .await
            .map_err(in_input),
        )
    }
}

/// Somebody who was just made or changed.
async fn person(request: &Request, user: UserId) -> Result<UserNode> {
    let found = request.app.store().people(&[user]).await?.remove(&user);
    found.map(UserNode).ok_or_else(|| Error::Bug("a person who is nobody".into()))
}

fn in_input(error: Error) -> Error {
    error.within("input")
}

fn own(request: &Request, token: Token) -> TokenNode {
    TokenNode { token, view: policy::own_view(&request.standing) }
}

fn new_token(request: &Request, input: &CreateTokenInput) -> Result<CreateToken> {
    // Whoever may make no tokens hears of that first.
    policy::maker(&request.standing)?;
    token::organizations_fit("organizationIds", input.organization_ids.len())?;
    Ok(CreateToken {
        description: text::description("description", &input.description)?,
        organizations: input.organization_ids.iter().map(organization_id).collect(),
        scopes: request.app.catalogue().grantable("scopes", &input.scopes)?,
        expires_at: input.expires_at.map(|end| end.0),
        owner: None,
    })
}

/// A new token and its value.
#[derive(SimpleObject)]
struct CreateTokenPayload {
    /// The new token.
    token: TokenNode,
    /// The only time it is ever shown.
    value: String,
}

/// The token as it is now.
#[derive(SimpleObject)]
struct UpdateTokenPayload {
    /// The token as it is now.
    token: TokenNode,
}

/// The token, and its new period of access.
#[derive(SimpleObject)]
struct AddOrganizationToTokenPayload {
    /// The token as it is now.
    token: TokenNode,
    /// The period of access that began.
    grant: GrantNode,
}

/// The period of access that ended.
#[derive(SimpleObject)]
struct RemoveOrganizationFromTokenPayload {
    /// The grant that has ended; its token is null for an administrator who can no longer see it.
    grant: GrantNode,
    /// The organization that the token lost.
    organization: OrganizationNode,
}

/// The token that ended.
#[derive(SimpleObject)]
struct RevokeTokenPayload {
    /// The token as it is now.
    token: TokenNode,
}

/// The new organization.
#[derive(SimpleObject)]
struct CreateOrganizationPayload {
    /// The new organization.
    organization: OrganizationNode,
}

/// The organization as it is now.
#[derive(SimpleObject)]
struct UpdateOrganizationPayload {
    /// The organization as it is now.
    organization: OrganizationNode,
}

/// Whoever became a member.
#[derive(SimpleObject)]
struct AddOrganizationMemberPayload {
    /// Whose member.
    organization: OrganizationNode,
    /// Whoever became a member.
    member: UserNode,
}

/// The member as they are now.
#[derive(SimpleObject)]
struct UpdateOrganizationMemberPayload {
    /// Whose member.
    organization: OrganizationNode,
    /// The member as they are now.
    member: UserNode,
}

/// Whoever is a member no more.
#[derive(SimpleObject)]
struct RemoveOrganizationMemberPayload {
    /// Whose member.
    organization: OrganizationNode,
    /// Whoever is a member no more.
    removed_user_id: ID,
}

/// The session that ended.
#[derive(SimpleObject)]
struct EndSessionPayload {
    /// The id of the session that ended.
    ended_session_id: ID,
}

/// How many sessions ended.
#[derive(SimpleObject)]
struct EndSessionsPayload {
    /// How many there were.
    ended: i32,
}

/// Whose password it is.
#[derive(SimpleObject)]
struct ChangePasswordPayload {
    /// Whose password it is.
    user: UserNode,
}

/// The viewer as they are now.
#[derive(SimpleObject)]
struct UpdateProfilePayload {
    /// The viewer as they are now.
    user: UserNode,
}
