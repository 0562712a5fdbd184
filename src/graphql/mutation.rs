//! The mutations. Each converts its input and calls one action.

use super::{
    Request,
    error::{NullableField, field_result},
    grant::GrantNode,
    input::{
        AddOrganizationMemberInput, AddOrganizationToTokenInput, ChangePasswordInput, CreateOrganizationInput,
        CreateTokenInput, EndSessionInput, EndSessionsInput, RemoveOrganizationFromTokenInput,
        RemoveOrganizationMemberInput, RevokeTokenInput, UpdateOrganizationInput, UpdateOrganizationMemberInput,
        UpdateProfileInput, UpdateTokenInput,
    },
    organization::OrganizationNode,
    request,
    token::TokenNode,
    user::UserNode,
};
use crate::{
    actions::SetPassword,
    app::Change,
    domain::{
        error::{Error, Result},
        id::UserId,
        organization::Role,
        policy,
        token::Token,
    },
};
use async_graphql::{Context, ID, Object, SimpleObject};

/// The mutation root.
pub struct Mutation;

/// The mutation root.
#[Object]
impl Mutation {
    /// Creates a token for the viewer. The payload is the only response that contains its value.
    async fn create_token(&self, ctx: &Context<'_>, input: CreateTokenInput) -> NullableField<CreateTokenPayload> {
        let request = request(ctx);
        payload(async {
            let (token, secret) = change(request, || input.read(&request.app)).await?;
            Ok(CreateTokenPayload { token: own(request, token), value: secret.reveal_once() })
        })
        .await
    }

    /// Updates the description, scopes or expiry of a token that the viewer owns.
    async fn update_token(&self, ctx: &Context<'_>, input: UpdateTokenInput) -> NullableField<UpdateTokenPayload> {
        let request = request(ctx);
        payload(async {
            let token = change(request, || input.read()).await?;
            Ok(UpdateTokenPayload { token: own(request, token) })
        })
        .await
    }

    /// Adds an organization that the viewer is a member of to a token that they own, also after an administrator
    /// removed it.
    async fn add_organization_to_token(
        &self,
        ctx: &Context<'_>,
        input: AddOrganizationToTokenInput,
    ) -> NullableField<AddOrganizationToTokenPayload> {
        let request = request(ctx);
        payload(async {
            let (token, grant) = change(request, || Ok(input.read())).await?;
            Ok(AddOrganizationToTokenPayload { token: own(request, token), grant: GrantNode(grant) })
        })
        .await
    }

    /// Removes an organization from a token. The caller must be an administrator of the organization or the owner of
    /// the token. The token remains valid for its other organizations. The owner receives an email if someone else
    /// removed it.
    async fn remove_organization_from_token(
        &self,
        ctx: &Context<'_>,
        input: RemoveOrganizationFromTokenInput,
    ) -> NullableField<RemoveOrganizationFromTokenPayload> {
        let request = request(ctx);
        payload(async {
            let grant = change(request, || input.read()).await?;
            let found = request.app.store().organizations(&[grant.organization]).await?.remove(&grant.organization);
            let organization = found.ok_or_else(|| Error::Bug("a grant without an organization".into()))?;
            Ok(RemoveOrganizationFromTokenPayload {
                grant: GrantNode(grant),
                organization: OrganizationNode::from(organization),
            })
        })
        .await
    }

    /// Creates an organization that the viewer administers, if the operator allows self-service.
    async fn create_organization(
        &self,
        ctx: &Context<'_>,
        input: CreateOrganizationInput,
    ) -> NullableField<CreateOrganizationPayload> {
        let request = request(ctx);
        payload(async {
            let admin = request.caller.user().ok_or(Error::Unauthenticated)?;
            let organization = change(request, || input.read(admin)).await?;
            Ok(CreateOrganizationPayload {
                organization: OrganizationNode::with_viewer_role(organization, Role::Admin),
            })
        })
        .await
    }

    /// Updates the name of an organization that the viewer administers. The slug cannot be changed.
    async fn update_organization(
        &self,
        ctx: &Context<'_>,
        input: UpdateOrganizationInput,
    ) -> NullableField<UpdateOrganizationPayload> {
        let request = request(ctx);
        payload(async {
            let organization = change(request, || input.read()).await?;
            Ok(UpdateOrganizationPayload { organization: OrganizationNode::from(organization) })
        })
        .await
    }

    /// Adds a member to an organization that the viewer administers.
    async fn add_organization_member(
        &self,
        ctx: &Context<'_>,
        input: AddOrganizationMemberInput,
    ) -> NullableField<AddOrganizationMemberPayload> {
        let request = request(ctx);
        payload(async {
            let (organization, user) = request.app.change_naming_a_user(&request.caller, input.read()?).await?;
            let member = user_node(request, user).await?;
            Ok(AddOrganizationMemberPayload { organization: organization.into(), member })
        })
        .await
    }

    /// Updates the role of a member of an organization that the viewer administers. The last administrator cannot be
    /// demoted.
    async fn update_organization_member(
        &self,
        ctx: &Context<'_>,
        input: UpdateOrganizationMemberInput,
    ) -> NullableField<UpdateOrganizationMemberPayload> {
        let request = request(ctx);
        payload(async {
            let (organization, user) = change(request, || Ok(input.read())).await?;
            let member = user_node(request, user).await?;
            Ok(UpdateOrganizationMemberPayload { organization: organization.into(), member })
        })
        .await
    }

    /// Removes a member from an organization. The member's tokens lose access to the organization at once. The last
    /// administrator cannot be removed.
    async fn remove_organization_member(
        &self,
        ctx: &Context<'_>,
        input: RemoveOrganizationMemberInput,
    ) -> NullableField<RemoveOrganizationMemberPayload> {
        let request = request(ctx);
        payload(async {
            let (organization, user) = change(request, || Ok(input.read())).await?;
            let removed_user_id = user.to_string().into();
            Ok(RemoveOrganizationMemberPayload { organization: organization.into(), removed_user_id })
        })
        .await
    }

    /// Ends a session of the viewer.
    async fn end_session(&self, ctx: &Context<'_>, input: EndSessionInput) -> NullableField<EndSessionPayload> {
        let request = request(ctx);
        payload(async {
            let signed_in_user = policy::signed_in_user(&request.auth_context)?;
            let session = input.read();
            if !request.app.store().maintenance().end_session(&signed_in_user, session).await? {
                return Err(Error::NotFound("session"));
            }
            Ok(EndSessionPayload { ended_session_id: session.to_string().into() })
        })
        .await
    }

    /// Ends all sessions of the viewer, optionally except the current one.
    async fn end_sessions(&self, ctx: &Context<'_>, input: EndSessionsInput) -> NullableField<EndSessionsPayload> {
        let request = request(ctx);
        payload(async {
            let signed_in_user = policy::signed_in_user(&request.auth_context)?;
            let except = request.caller.session().filter(|_| input.keep_current);
            let ended = request.app.store().maintenance().end_sessions(&signed_in_user, except).await?;
            Ok(EndSessionsPayload { ended: i32::try_from(ended).unwrap_or(i32::MAX) })
        })
        .await
    }

    /// Changes the password of the viewer. It requires a session in which the password was confirmed within the last 15
    /// minutes, and ends all other sessions.
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        input: ChangePasswordInput,
    ) -> NullableField<ChangePasswordPayload> {
        let request = request(ctx);
        payload(async {
            let user = request.caller.user().ok_or(Error::Unauthenticated)?;
            // Hashing is expensive, so a caller who may not change the password is refused before it.
            request.app.precheck::<SetPassword>(&request.auth_context)?;
            let UserNode(before) = user_node(request, user).await?;
            let names = [Some(before.user.username), Some(before.user.name), before.user.email];
            let names = names.into_iter().flatten().collect();
            let password_hash = request.app.hash_new_password("newPassword", input.new_password, names, true).await?;
            request.app.change(&request.caller, SetPassword { user, password_hash }).await?;
            Ok(ChangePasswordPayload { user: user_node(request, user).await? })
        })
        .await
    }

    /// Updates the display name of the viewer. If an identity provider supplies a name, the next request with its JWT
    /// replaces it.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        input: UpdateProfileInput,
    ) -> NullableField<UpdateProfilePayload> {
        let request = request(ctx);
        payload(async {
            let user = change(request, || input.read()).await?;
            Ok(UpdateProfilePayload { user: user_node(request, user).await? })
        })
        .await
    }

    /// Permanently revokes a token that the viewer owns.
    async fn revoke_token(&self, ctx: &Context<'_>, input: RevokeTokenInput) -> NullableField<RevokeTokenPayload> {
        let request = request(ctx);
        payload(async {
            let token = change(request, || input.read()).await?;
            Ok(RevokeTokenPayload { token: own(request, token) })
        })
        .await
    }
}

/// Reads a user that the mutation created or changed.
async fn user_node(request: &Request, user: UserId) -> Result<UserNode> {
    let found = request.app.store().users(&[user]).await?.remove(&user);
    found.map(UserNode).ok_or_else(|| Error::Bug("the user of a mutation does not exist".into()))
}

/// Returns the payload of a mutation. An error names the field of the input.
async fn payload<T: Send>(resolve: impl Future<Output = Result<T>> + Send) -> NullableField<T> {
    field_result(resolve.await.map_err(|error| error.within("input")))
}

/// Applies a change of the viewer. A caller who may not make any such change gets that error before the input is read.
async fn change<C: Change>(request: &Request, read: impl FnOnce() -> Result<C> + Send) -> Result<C::Done> {
    request.app.precheck::<C>(&request.auth_context)?;
    request.app.change(&request.caller, read()?).await
}

fn own(request: &Request, token: Token) -> TokenNode {
    TokenNode { token, view: policy::own_visibility(&request.auth_context) }
}

/// The payload of `createToken`.
#[derive(SimpleObject)]
struct CreateTokenPayload {
    /// The created token.
    token: TokenNode,
    /// The token value. It is returned only once.
    value: String,
}

/// The payload of `updateToken`.
#[derive(SimpleObject)]
struct UpdateTokenPayload {
    /// The updated token.
    token: TokenNode,
}

/// The payload of `addOrganizationToToken`.
#[derive(SimpleObject)]
struct AddOrganizationToTokenPayload {
    /// The updated token.
    token: TokenNode,
    /// The created grant.
    grant: GrantNode,
}

/// The payload of `removeOrganizationFromToken`.
#[derive(SimpleObject)]
struct RemoveOrganizationFromTokenPayload {
    /// The removed grant. Its `token` is null for an administrator who can no longer see the token.
    grant: GrantNode,
    /// The organization that was removed from the token.
    organization: OrganizationNode,
}

/// The payload of `revokeToken`.
#[derive(SimpleObject)]
struct RevokeTokenPayload {
    /// The revoked token.
    token: TokenNode,
}

/// The payload of `createOrganization`.
#[derive(SimpleObject)]
struct CreateOrganizationPayload {
    /// The created organization.
    organization: OrganizationNode,
}

/// The payload of `updateOrganization`.
#[derive(SimpleObject)]
struct UpdateOrganizationPayload {
    /// The updated organization.
    organization: OrganizationNode,
}

/// The payload of `addOrganizationMember`.
#[derive(SimpleObject)]
struct AddOrganizationMemberPayload {
    /// The organization that the user was added to.
    organization: OrganizationNode,
    /// The added member.
    member: UserNode,
}

/// The payload of `updateOrganizationMember`.
#[derive(SimpleObject)]
struct UpdateOrganizationMemberPayload {
    /// The organization that the member belongs to.
    organization: OrganizationNode,
    /// The updated member.
    member: UserNode,
}

/// The payload of `removeOrganizationMember`.
#[derive(SimpleObject)]
struct RemoveOrganizationMemberPayload {
    /// The organization that the member was removed from.
    organization: OrganizationNode,
    /// The ID of the removed user.
    removed_user_id: ID,
}

/// The payload of `endSession`.
#[derive(SimpleObject)]
struct EndSessionPayload {
    /// The ID of the ended session.
    ended_session_id: ID,
}

/// The payload of `endSessions`.
#[derive(SimpleObject)]
struct EndSessionsPayload {
    /// The number of ended sessions.
    ended: i32,
}

/// The payload of `changePassword`.
#[derive(SimpleObject)]
struct ChangePasswordPayload {
    /// The user whose password changed.
    user: UserNode,
}

/// The payload of `updateProfile`.
#[derive(SimpleObject)]
struct UpdateProfilePayload {
    /// The updated user.
    user: UserNode,
}
