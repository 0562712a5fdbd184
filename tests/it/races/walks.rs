//! Checks that paging through a list returns every unchanged row exactly once while other rows are created, used and removed.

use super::{id_of, races};
use crate::{
    paging::{List, lists},
    world::World,
};
use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    time::Instant,
};
use tokenward::testing::{
    actions::{CreateToken, RemoveOrganizationFromToken, RevokeToken},
    domain::{
        caller::{AuthMethod, Caller},
        decision::CheckRequest,
        error::{Code, Result},
        id::{OrganizationId, UserId},
    },
    verify::ObservedRequest,
};

/// The page sizes.
const SIZES: [usize; 3] = [7, 16, 100];

/// Returns the rows of a list, page by page, from its first row to its last or backward.
async fn walk(list: &List<'_>, size: usize, forward: bool) -> Vec<String> {
    let (mut ids, mut from) = (Vec::new(), Value::Null);
    loop {
        let (count, boundary) = if forward { ("first", "after") } else { ("last", "before") };
        let page = list.page(json!({ count: size, boundary: from })).await;
        if forward {
            ids.extend(page.ids);
        } else {
            ids.splice(0..0, page.ids);
        }
        let (more, end) =
            if forward { (page.has_next, page.cursors.last()) } else { (page.has_previous, page.cursors.first()) };
        match end {
            Some(end) if more => from = json!(end),
            _ => return ids,
        }
    }
}

/// Creates tokens, uses each, and revokes or removes two of three.
async fn write(node: &World, owner: UserId, acme: OrganizationId, rows: usize, remaining: &AtomicUsize) {
    let app = &node.app;
    for number in 0..rows {
        let caller = Caller { auth_method: AuthMethod::Jwt(owner), ..Caller::command_line(app.now()) };
        let request = CreateToken {
            description: "comes and goes".into(),
            organizations: vec![acme],
            scopes: app.catalogue().grantable("scopes", &["read_builds".to_owned()]).unwrap(),
            expires_at: (number % 2 == 0).then(|| app.now().plus(std::time::Duration::from_hours(24 * 3_000))),
            owner: None,
        };
        remaining.fetch_sub(1, Ordering::SeqCst);
        let Some((token, secret)) = unless_busy(app.change(&caller, request).await) else { continue };
        let request = CheckRequest::at(app.now());
        unless_busy(app.verifier().check(&secret, &request, ObservedRequest::default()).await);
        if number % 8 == 0 {
            let batch = app.verifier().usage().due(Instant::now(), true);
            unless_busy(app.store().maintenance().save_usage(&batch).await);
        }
        if number % 3 == 0 {
            unless_busy(app.change(&caller, RevokeToken { token: token.id, reason: None }).await);
        } else if number % 3 == 1 {
            let remove = RemoveOrganizationFromToken { token: token.id, organization: acme, reason: None };
            unless_busy(app.change(&caller, remove).await);
        }
    }
}

/// Returns the result, or `None` if the database was too busy.
fn unless_busy<T>(done: Result<T>) -> Option<T> {
    match done {
        Err(error) if error.code() == Code::Unavailable => None,
        done => Some(done.unwrap()),
    }
}

both!(
    ///
    async fn paging_returns_unchanged_rows_once_while_others_change(world: World) {
        let other = world.another_node(&[]).await;
        let lists = lists(&world).await;
        let (ada, bob) = (world.admin("ada", &["acme"]).await, world.member("bob", &["acme"]).await);
        let acme = OrganizationId::parse(&world.organization_id("acme").await).unwrap();
        let mut untouched = Vec::new();
        for list in &lists {
            untouched.push(walk(list, 100, true).await);
        }
        let remaining = AtomicUsize::new(races());
        // The owners sort before and after the owner of the unchanged rows.
        let (before, behind) = (id_of(&ada).await, id_of(&bob).await);
        let writing = join(
            Box::pin(write(&world, before, acme, races() / 2, &remaining)),
            Box::pin(write(&other, behind, acme, races() - races() / 2, &remaining)),
        );
        // Two at a time leave connections for the writers.
        let walking = join_all([0, 1].map(async |walker| {
            let mine = || lists.iter().zip(&untouched).skip(walker).step_by(2);
            let mut walks = 0;
            while walks < 2 * mine().count() || remaining.load(Ordering::SeqCst) > 0 {
                let (list, untouched) = mine().nth(walks % mine().count()).unwrap();
                let (size, round) = (SIZES[walks % SIZES.len()], walks / mine().count());
                let found = walk(list, size, round % 2 == 0).await;
                let known: BTreeSet<_> = untouched.iter().collect();
                let old: Vec<_> = found.iter().filter(|id| known.contains(id)).collect();
                assert!(old.iter().copied().eq(untouched), "{} by {size}: {old:?}", list.name);
                walks += 1;
            }
        }));
        join(walking, writing).await;
        let after = walk(&lists[0], 100, true).await.len();
        assert!(after >= untouched[0].len() + races() / 4, "only {after} rows");
    }
);
