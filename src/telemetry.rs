//! The log: one line per event on standard error, whatever texts the event contains. Metrics are in `metrics`.

mod lines;
mod metrics;

pub use metrics::{CheckOutcome, JwtRejection, MEDIA_TYPE, Metrics, Outbox, StoreFailure};

use crate::{
    config::LogFormat,
    domain::error::{Error, Result},
};
use lines::Lines;
use std::{
    any::Any,
    fmt::{self, Display, Write as _},
    io::{IsTerminal as _, Write as _},
    panic::Location,
};
use tracing::{Dispatch, field::Field, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter,
    field::MakeExt as _,
    fmt::{
        MakeWriter,
        format::{Writer, debug_fn},
    },
    util::SubscriberInitExt as _,
};

/// Starts the log of this process. Fails if it was already started.
pub fn start(format: LogFormat, level: &str) -> Result<()> {
    let filter = filter(level)?;
    let log = match format {
        LogFormat::Human => human(filter, std::io::stderr().is_terminal(), || Lines),
        LogFormat::Json => json(filter, || Lines),
    };
    log.try_init().map_err(|_| Error::Bug("the log was started twice".into()))?;
    std::panic::set_hook(Box::new(|panic| log_panic(panic.location(), panic.payload())));
    Ok(())
}

/// Writes a line for the operator to standard error, in order with other lines, and waits for it at most one second. The
/// line is dropped if it cannot be written. Requests must not call it.
pub fn notice(line: impl Display) {
    let _ = Lines.write_all(format!("{line}\n").as_bytes());
    lines::flush();
}

/// Writes the rest of the log when it is dropped, at the end of the process. Waits at most one second.
#[derive(Debug)]
pub struct FlushedAtEnd;

impl Drop for FlushedAtEnd {
    fn drop(&mut self) {
        lines::flush();
    }
}

/// Logs a panic with its location, and with its message if that is a literal. A formatted message may contain a secret.
fn log_panic(place: Option<&Location<'_>>, payload: &dyn Any) {
    let place = place.map(tracing::field::display);
    let why = payload.downcast_ref::<&'static str>().copied().unwrap_or("its text is not logged");
    tracing::error!(place, why, "a panic");
}

fn filter(level: &str) -> Result<EnvFilter> {
    let refuse = || {
        let why = "log.level is error, warn, info, debug or trace, also by module; write one such as info,sqlx=warn.";
        Error::invalid("log.level", why)
    };
    // The library takes a word that is not a level for a module, and would disable all other modules.
    let words = level.split(',').filter(|word| !word.contains(['=', '[']));
    for word in words {
        Some(word.trim())
            .filter(|word| !word.is_empty())
            .and_then(|word| word.parse::<LevelFilter>().ok())
            .ok_or_else(refuse)?;
    }
    EnvFilter::try_new(level).map_err(|_| refuse())
}

/// Writes one JSON object per line.
fn json<W: for<'a> MakeWriter<'a> + Send + Sync + 'static>(filter: EnvFilter, to: W) -> Dispatch {
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_env_filter(filter)
        .log_internal_errors(false)
        .with_writer(to)
        .finish()
        .into()
}

/// Writes lines for reading, with colours if `colours` is true.
fn human<W: for<'a> MakeWriter<'a> + Send + Sync + 'static>(filter: EnvFilter, colours: bool, to: W) -> Dispatch {
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .log_internal_errors(false)
        .with_ansi(colours)
        .fmt_fields(debug_fn(field).delimited(" "))
        .with_writer(to)
        .finish()
        .into()
}

fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug) -> fmt::Result {
    if field.name() != "message" {
        write!(writer, "{field}=")?;
    }
    write!(OneLine(writer), "{value:?}")
}

/// Escapes characters that would end a line, control a terminal or change the direction of text.
struct OneLine<'a, 'writer>(&'a mut Writer<'writer>);

impl fmt::Write for OneLine<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.chars().try_for_each(|ch| match ch {
            _ if ch.is_control() => write!(self.0, "{}", ch.escape_debug()),
            '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {
                write!(self.0, "{}", ch.escape_unicode())
            }
            _ => self.0.write_char(ch),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    const NASTY: &str = "curl\r\n{\"level\":\"ERROR\"}\n\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{2028}\u{202e}x";

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("a lock").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Memory {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    fn logged(log: impl FnOnce(Memory) -> Dispatch) -> String {
        logged_by(log, || {
            let span = tracing::info_span!("action", agent = NASTY, name = %NASTY);
            let _inside = span.enter();
            tracing::info!(user_agent = NASTY, display = %NASTY, debug = ?NASTY, "hello {NASTY}");
        })
    }

    fn logged_by(log: impl FnOnce(Memory) -> Dispatch, work: impl FnOnce()) -> String {
        let memory = Memory::default();
        tracing::dispatcher::with_default(&log(memory.clone()), work);
        let bytes = memory.0.lock().expect("a lock").clone();
        String::from_utf8(bytes).expect("UTF-8")
    }

    fn info() -> EnvFilter {
        filter("info").expect("a filter")
    }

    ///
    #[test]
    fn newlines_and_escape_codes_are_escaped_in_json() {
        let text = logged(|memory| json(info(), memory));
        assert_eq!(text.matches('\n').count(), 1);
        assert!(text.ends_with('\n'));
        assert!(!text.trim_end().chars().any(|ch| ch < ' '));
        let line: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], format!("hello {NASTY}"));
        assert_eq!(line["user_agent"], NASTY);
        assert_eq!(line["span"]["agent"], NASTY);
    }

    ///
    #[test]
    fn newlines_and_escape_codes_are_escaped_in_human_format() {
        let text = logged(|memory| human(info(), false, memory));
        assert!(text.ends_with('\n'));
        let line = text.trim_end_matches('\n');
        assert!(!line.chars().any(|ch| ch.is_control() || "\u{2028}\u{202e}".contains(ch)), "{line:?}");
        assert!(line.contains("hello curl\\r\\n") && line.contains("display=curl\\r\\n"), "{line}");
        assert!(line.contains("\\u{1b}[2J"), "{line}");
    }

    ///
    #[test]
    fn panic_is_logged_without_formatted_message() {
        let logged_panic = |payload: &dyn Any| {
            let text = logged_by(|memory| json(info(), memory), || log_panic(Some(Location::caller()), payload));
            assert!(text.contains(file!()) && text.contains("a panic"), "{text}");
            text
        };
        assert!(logged_panic(&"an index is out of bounds").contains("an index is out of bounds"));
        let text = logged_panic(&format!("the value {}", "secret"));
        assert!(!text.contains("secret") && text.contains("its text is not logged"), "{text}");
    }

    #[test]
    fn only_terminals_get_colours() {
        assert!(logged(|memory| human(info(), true, memory)).contains("\u{1b}["));
        assert!(!logged(|memory| human(info(), false, memory)).contains('\u{1b}'));
    }

    #[test]
    fn level_filters_lines() {
        let warn = || filter("warn").expect("a filter");
        assert_eq!(logged(|memory| json(warn(), memory)), "");
        for good in ["error", "INFO", "info,sqlx=warn", "off", "tokenward::http=debug,warn"] {
            assert!(filter(good).is_ok(), "{good}");
        }
        for bad in ["", "loud", "info,sqlx", "sqlx=loud", "info,"] {
            assert_eq!(filter(bad).expect_err("no level").code().as_str(), "INVALID_INPUT");
        }
    }
}
