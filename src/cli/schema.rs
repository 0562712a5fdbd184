//! `schema`: the GraphQL schema, as clients generate code from it.

pub(super) fn print() {
    print!("{}", crate::graphql::sdl());
}
