//! `schema`: the GraphQL schema, from which clients can generate code.

pub(super) fn text() -> String {
    crate::graphql::sdl().to_owned()
}
