//! The actions: one file for each, named like its mutation if it has one. The command line and jobs call the same actions.
//!
//! An action locks rows of other users only after it has authorized the caller, since a lock delays all other changes of the
//! row.

mod accept_invitation;
mod add_organization_member;
mod add_organization_to_token;
mod add_resource_server;
mod add_user;
mod create_organization;
mod create_token;
mod delete_organization;
mod delete_user;
mod disable_resource_server;
mod disable_user;
mod enable_user;
mod expire_tokens;
mod invite_user;
mod provision_user;
mod remove_organization_from_token;
mod remove_organization_member;
mod revoke_token;
mod revoke_token_by_value;
mod set_password;
mod update_organization;
mod update_organization_member;
mod update_profile;
mod update_token;

pub use accept_invitation::{AcceptInvitation, First};
pub use add_organization_member::AddOrganizationMember;
pub use add_organization_to_token::AddOrganizationToToken;
pub use add_resource_server::AddResourceServer;
#[cfg(feature = "testing")]
pub use add_resource_server::Credentials;
pub use add_user::AddUser;
pub use create_organization::CreateOrganization;
pub use create_token::CreateToken;
pub use delete_organization::DeleteOrganization;
pub use delete_user::DeleteUser;
pub use disable_resource_server::DisableResourceServer;
pub use disable_user::DisableUser;
pub use enable_user::EnableUser;
pub use expire_tokens::ExpireTokens;
pub use invite_user::InviteUser;
pub use provision_user::{IdentityClaims, provision_user};
pub use remove_organization_from_token::RemoveOrganizationFromToken;
pub use remove_organization_member::RemoveOrganizationMember;
pub use revoke_token::RevokeToken;
pub use revoke_token_by_value::RevokeTokenByValue;
pub use set_password::SetPassword;
pub use update_organization::UpdateOrganization;
pub use update_organization_member::UpdateOrganizationMember;
pub use update_profile::UpdateProfile;
pub use update_token::UpdateToken;
