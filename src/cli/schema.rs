//! `schema`: the GraphQL schema, as clients generate code from it.

pub(super) fn text() -> String {
    crate::graphql::sdl().to_owned()
}
