//! The audit as a table: one line for each token, read page by page.

use super::{
    Store, col,
    column_types::{Expiry, LastUse},
    entity::{grant, token, user},
    pagination::{self, SortColumn, SortOrder},
    token_lists::audit_list,
};
use crate::domain::{
    cursor::{Cursor, SortKey},
    error::Result,
    filter::TokenFilter,
    id::{TokenId, UserId},
    organization::Role,
    page::{Page, Slice},
    policy::OrgAdmin,
    scope::ScopeSet,
    state::TokenStatus,
    time::Time,
};
use sea_orm::{
    FromQueryResult,
    sea_query::{Expr, SelectStatement},
};

/// A token in the exported audit. The usage is that with the organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRow {
    /// The ID of the token.
    pub token: TokenId,
    /// The ID of the owner.
    pub owner: UserId,
    /// The name of the owner.
    pub owner_name: String,
    /// The email address of the owner, which administrators see of members.
    pub owner_email: Option<String>,
    /// The description of the token.
    pub description: String,
    /// The scopes of the token.
    pub scopes: ScopeSet,
    /// The time when the token was created.
    pub created_at: Time,
    /// The time of the last allowed request.
    pub last_used_at: Option<Time>,
    /// The IP address of the most recent request.
    pub last_address: Option<String>,
    /// The hint of the token's value.
    pub hint: String,
    /// The expiry of the token; `None` for never.
    pub expires_at: Option<Time>,
    /// The state of the token at the time of the request.
    pub status: TokenStatus,
    /// The username of the owner.
    pub owner_username: String,
    /// Whether the owner is an administrator of the organization.
    pub owner_is_admin: bool,
    /// The time when the owner gave the token access to the organization.
    pub granted_at: Time,
    /// The method of the most recent request.
    pub last_method: Option<String>,
    /// The path of the most recent request.
    pub last_path: Option<String>,
    /// Whether the most recent request was allowed, if there was one.
    pub last_allowed: Option<bool>,
}

#[derive(FromQueryResult)]
struct Row {
    token_id: TokenId,
    owner_id: UserId,
    owner_name: String,
    owner_email: Option<String>,
    description: String,
    scopes: ScopeSet,
    created_at: Time,
    last_used_at: LastUse,
    address: Option<String>,
    hint: String,
    expires_at: Expiry,
    expired_at: Option<Time>,
    revoked_at: Option<Time>,
    username: String,
    role: Option<Role>,
    granted_at: Time,
    last_request_at: Option<Time>,
    method: Option<String>,
    path: Option<String>,
    allowed: bool,
}

impl Row {
    fn line(self, at: Time) -> ExportRow {
        let row = self;
        ExportRow {
            status: TokenStatus::of(at, row.expires_at.0, row.expired_at, row.revoked_at),
            hint: row.hint,
            expires_at: row.expires_at.0,
            owner_username: row.username,
            owner_is_admin: row.role == Some(Role::Admin),
            granted_at: row.granted_at,
            last_method: row.method,
            last_path: row.path,
            last_allowed: row.last_request_at.map(|_| row.allowed),
            token: row.token_id,
            owner: row.owner_id,
            owner_name: row.owner_name,
            owner_email: row.owner_email,
            description: row.description,
            scopes: row.scopes,
            created_at: row.created_at,
            last_used_at: row.last_used_at.0,
            last_address: row.address,
        }
    }
}

impl Store {
    /// Returns a page of the audit as a table, newest first.
    pub async fn export_rows(
        &self,
        admin: &OrgAdmin,
        filter: &TokenFilter,
        page: &Page,
        at: Time,
    ) -> Result<Slice<ExportRow>> {
        pagination::page_of(&self.read, &export_rows(admin, filter, page, at), page, |row: Row| {
            (Cursor { key: SortKey::Id, id: row.token_id.uuid() }, row.line(at))
        })
        .await
    }
}

fn export_rows(admin: &OrgAdmin, filter: &TokenFilter, page: &Page, at: Time) -> SelectStatement {
    let order = SortOrder {
        key: SortColumn::<(&'static str, &'static str)>::Id,
        id: Some(col("g", grant::Column::TokenId)),
        descending: true,
    };
    let mut select = audit_list(admin, filter, at);
    for (column, name) in [
        (col("o", user::Column::Name), "owner_name"),
        (col("o", user::Column::Email), "owner_email"),
        (col("t", token::Column::Description), "description"),
        (col("t", token::Column::Scopes), "scopes"),
        (col("t", token::Column::CreatedAt), "created_at"),
        (col("t", token::Column::Hint), "hint"),
        (col("t", token::Column::ExpiredAt), "expired_at"),
        (col("t", token::Column::RevokedAt), "revoked_at"),
    ] {
        select.expr_as(Expr::col(column), name);
    }
    pagination::paginate(select, &order, page)
}

#[cfg(test)]
mod tests {
    use super::{
        super::sql_snapshots::{FIRST, NOW, org_admin, page_after, plan},
        *,
    };

    #[tokio::test]
    async fn export_uses_one_index_without_sorting() {
        for page in [FIRST, page_after(SortKey::Id)] {
            let plan = plan(&export_rows(&org_admin(), &TokenFilter::default(), &page, NOW)).await;
            assert!(plan[0].contains("USING INDEX grants_by_organization_id_token_id (organization_id=?"), "{plan:?}");
            assert!(plan.iter().all(|step| step.starts_with("SEARCH ")), "{plan:?}");
        }
    }
}
