//! The crate as its integration tests and benchmarks see it. Without the feature `testing`, only the command line is public, so
//! that the compiler finds what nothing uses.

macro_rules! facade {
    ($($module:ident),*) => {$(
        #[allow(missing_docs, reason = "the module itself is documented")]
        pub mod $module {
            pub use crate::$module::*;
        }
    )*};
}

facade!(actions, app, cli, config, domain, graphql, http, jobs, mail, store, telemetry, verify);
