//! `POST /organizations/{slug}/tokens.csv`: the audit as CSV. The rows are read in pages while the client receives them.

use super::{
    Shared,
    body::read_json_text,
    error_response::{ErrorResponse, json_response},
    graphql, json,
    request_log::RequestLog,
};
use crate::{
    app::App,
    domain::{
        caller::Caller,
        cursor::Cursor,
        error::{Error, Result},
        filter::TokenFilter,
        id::OrganizationId,
        page::Page,
        policy::{self, OrgAdmin},
        text,
        time::Time,
    },
    graphql::token_filter,
    store::ExportRow,
};
use axum::{
    body::Body,
    extract::{Path, Request, State, rejection::PathRejection},
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use futures_util::{
    StreamExt as _,
    stream::{self, Stream},
};
use serde_json::{Value, json};
use std::{borrow::Cow, vec};
use unicode_normalization::UnicodeNormalization as _;

/// The number of rows per page.
const PAGE_SIZE: u32 = 200;
/// The approximate size of a chunk in bytes. Even with one more long row it is far below the limit of a streamed response.
const CHUNK_SIZE: usize = 32 * 1024;
/// The number of columns. New ones are added at the end.
const COLUMNS: usize = 18;
const HEADER: [&str; COLUMNS] = [
    "Owner",
    "Owner e-mail",
    "Owner id",
    "Token UUID",
    "Description",
    "Last used at",
    "Last request IP",
    "Created at",
    "Scopes",
    "Hint",
    "Expires at",
    "Status",
    "Owner username",
    "Owner is administrator",
    "Granted at",
    "Last method",
    "Last path",
    "Last allowed",
];
/// Spreadsheets read a file as UTF-8 if it begins with a byte order mark.
const BYTE_ORDER_MARK: &str = "\u{FEFF}";

/// Returns the audit of an organization.
pub(super) async fn handle(
    State(state): State<Shared>,
    slug: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, ErrorResponse> {
    let (head, body) = request.into_parts();
    // A slug that is not UTF-8 is treated as an unknown organization.
    let slug = slug.map(|Path(slug)| slug).unwrap_or_default();
    let caller = graphql::authenticate(&state, &head).await?;
    let with_mark = wants_byte_order_mark(&head)?;
    let input = filter_of(&head, body).await?;
    let (caller_id, at) = (caller.user().map(|user| user.to_string()), caller.at);
    let organization = organization(&state.app, &slug).await?;
    let mut export =
        RowStream { app: state.app.clone(), caller, organization, filter: TokenFilter::default(), after: None };
    // The filter is validated only after authorization.
    export.admin().await?;
    export.filter = match token_filter(input, &state.app) {
        Err(Error::Invalid { field, message }) => {
            let error = json!({ "message": message, "field": field });
            return Ok(json_response(StatusCode::UNPROCESSABLE_ENTITY, &error));
        }
        read => read?,
    };
    let first = export.page().await?;
    let filtered = export.filter != TokenFilter::default();
    let name = format!("attachment; filename=\"{}\"", file_name(&slug, filtered, at));
    let mark = if with_mark { BYTE_ORDER_MARK } else { "" };
    let mut response = Body::from_stream(table(mark, first, export)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(|_| bug("a file name"))?);
    response.extensions_mut().insert(RequestLog { caller: caller_id, ..RequestLog::default() });
    Ok(response)
}

/// Returns whether the table begins with a byte order mark, which `?bom=0` omits.
fn wants_byte_order_mark(head: &Parts) -> Result<bool, ErrorResponse> {
    let query = head.uri.query().unwrap_or_default().as_bytes();
    let values: Vec<_> =
        form_urlencoded::parse(query).filter(|(key, _)| key == "bom").map(|(_, value)| value).collect();
    match values.iter().map(|value| &**value).collect::<Vec<_>>().as_slice() {
        [] | ["1"] => Ok(true),
        ["0"] => Ok(false),
        _ => Err(ErrorResponse::new(
            StatusCode::BAD_REQUEST,
            "Set the parameter bom to 0 for no byte order mark, or leave it out.",
        )),
    }
}

/// Reads the filter in the body; `Null` if there is none.
async fn filter_of(head: &Parts, body: Body) -> Result<Value, ErrorResponse> {
    let body = read_json_text(&head.headers, body).await?;
    let fields = match json::read(&body) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    };
    let filter = fields.filter(|fields| fields.keys().all(|key| key == "filter"));
    let mut filter = filter.ok_or_else(|| {
        let message =
            "Send {\"filter\": …} in JSON, with a TokenFilter of the GraphQL schema; {} selects active tokens.";
        ErrorResponse::new(StatusCode::BAD_REQUEST, message)
    })?;
    Ok(filter.remove("filter").unwrap_or_default())
}

async fn organization(app: &App, slug: &str) -> Result<OrganizationId> {
    let none = || Error::NotFound("organization");
    // An invalid slug could contain a character that the database rejects.
    let slug = text::slug("slug", slug).map_err(|_| none())?;
    Ok(app.store().organization_by_slug(&slug).await?.ok_or_else(none)?.id)
}

/// The state of an export between two pages.
struct RowStream {
    app: App,
    caller: Caller,
    organization: OrganizationId,
    filter: TokenFilter,
    after: Option<Cursor>,
}

impl RowStream {
    /// Authorizes the caller again for each page, because a long export can take a long time.
    async fn admin(&self) -> Result<OrgAdmin> {
        policy::org_admin(&self.app.store().auth_context(&self.caller).await?, self.organization)
    }

    /// Reads the next page.
    async fn page(&mut self) -> Result<Vec<ExportRow>> {
        let admin = self.admin().await?;
        let page = Page { limit: PAGE_SIZE, backward: false, after: self.after.take(), before: None };
        let slice = self.app.store().export_rows(&admin, &self.filter, &page, self.caller.at).await?;
        self.after = slice.rows.last().filter(|_| slice.has_next).map(|(cursor, _)| cursor.clone());
        Ok(slice.rows.into_iter().map(|(_, line)| line).collect())
    }

    /// Encodes rows until they fill one chunk.
    fn encode_chunk(&self, lines: &mut vec::IntoIter<ExportRow>) -> Result<Vec<u8>> {
        let mut rows = Vec::new();
        let mut size = 0;
        while size < CHUNK_SIZE
            && let Some(line) = lines.next()
        {
            let row = row(&line, &self.app);
            size += row.iter().map(|cell| cell.len()).sum::<usize>();
            rows.push(row);
        }
        encode(rows)
    }
}

/// Returns the table as a stream. If a page fails, the connection is closed, so that a partial table does not look complete.
fn table(
    mark: &'static str,
    first: Vec<ExportRow>,
    export: RowStream,
) -> impl Stream<Item = Result<Vec<u8>, axum::BoxError>> {
    let head = stream::once(async move { Ok([mark.as_bytes(), &encode([HEADER.map(Cow::Borrowed)])?].concat()) });
    let pages = stream::try_unfold((first.into_iter(), export), async |(mut lines, mut export)| {
        if lines.len() == 0 && export.after.is_some() {
            lines = export.page().await?.into_iter();
        }
        if lines.len() == 0 {
            return Ok::<_, Error>(None);
        }
        Ok(Some((export.encode_chunk(&mut lines)?, (lines, export))))
    });
    // The conversion into an `ErrorResponse` logs the error.
    head.chain(pages).map(|bytes| bytes.map_err(|error| ErrorResponse::from(error).message.into()))
}

fn row(line: &ExportRow, app: &App) -> [Cow<'static, str>; COLUMNS] {
    let scopes: Vec<_> = app.catalogue().sorted(&line.scopes).iter().map(ToString::to_string).collect();
    [
        line.owner_name.clone(),
        line.owner_email.clone().unwrap_or_default(),
        line.owner.uuid().to_string(),
        line.token.uuid().to_string(),
        line.description.clone(),
        line.last_used_at.map(Time::to_text_in_seconds).unwrap_or_default(),
        line.last_address.clone().unwrap_or_default(),
        line.created_at.to_text_in_seconds(),
        scopes.join(" "),
        line.hint.clone(),
        line.expires_at.map(Time::to_text_in_seconds).unwrap_or_default(),
        line.status.as_str().to_ascii_uppercase(),
        line.owner_username.clone(),
        line.owner_is_admin.to_string(),
        line.granted_at.to_text_in_seconds(),
        line.last_method.clone().unwrap_or_default(),
        line.last_path.clone().unwrap_or_default(),
        line.last_allowed.map(|allowed| allowed.to_string()).unwrap_or_default(),
    ]
    .map(Cow::Owned)
}

fn encode<'text>(rows: impl IntoIterator<Item = [Cow<'text, str>; COLUMNS]>) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer
            .write_record(row.map(escape_formulas).iter().map(|cell| cell.as_bytes()))
            .map_err(|_| bug("a line of a table"))?;
    }
    writer.into_inner().map_err(|_| bug("a page of a table"))
}

/// Puts an apostrophe before text that a spreadsheet would evaluate as a formula. In locales with a decimal comma, spreadsheets
/// begin a cell after each semicolon and unquote it there; some also accept full-width operators.
fn escape_formulas(cell: Cow<'_, str>) -> Cow<'_, str> {
    let (mut text, mut begins) = (String::with_capacity(cell.len()), true);
    for ch in cell.chars() {
        if begins && starts_formula(ch) {
            text.push('\'');
        }
        text.push(ch);
        begins = matches!(ch, ';' | '\t' | '\r' | '\n') || begins && is_skipped(ch);
    }
    if text.len() == cell.len() { cell } else { Cow::Owned(text) }
}

fn starts_formula(ch: char) -> bool {
    matches!(ch, '\t' | '\r' | '\n')
        || std::iter::once(ch).nfkc().next().is_some_and(|plain| matches!(plain, '=' | '+' | '-' | '@'))
}

/// Returns whether a spreadsheet may drop the character before it looks for a formula: quotes and invisible characters.
fn is_skipped(ch: char) -> bool {
    matches!(ch, '"' | '\'') || !text::is_visible(ch)
}

fn file_name(slug: &str, filtered: bool, at: Time) -> String {
    let now = at.to_text_in_seconds();
    let day = now.split('T').next().unwrap_or_default();
    let part = if filtered { "filtered-" } else { "" };
    format!("{slug}-api-access-tokens-{part}{day}.csv")
}

fn bug(of: &'static str) -> Error {
    Error::Bug(format!("{of} cannot be written").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_and_quotes_are_escaped() {
        let cell = |text: &'static str| {
            let mut row = [const { Cow::Borrowed("") }; COLUMNS];
            row[0] = Cow::Borrowed(text);
            let line = String::from_utf8(encode([row]).expect("a line")).expect("text");
            line.strip_suffix(&format!("{}\r\n", ",".repeat(COLUMNS - 1))).expect("all cells").to_owned()
        };
        for (text, written) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\t=x", "'\t'=x"),
            ("\rx", "\"'\rx\""),
            ("=HYPERLINK(\"http://evil\",\"x\")", "\"'=HYPERLINK(\"\"http://evil\"\",\"\"x\"\")\""),
            ("x;=1+1;-2; @a;b=c", "x;'=1+1;'-2; '@a;b=c"),
            (" =1+1", " '=1+1"),
            ("x;\"=1+1\"", "\"x;\"\"'=1+1\"\"\""),
            ("\"=1", "\"\"\"'=1\""),
            ("x;' \u{a0}\u{3000}\u{feff}=1", "x;' \u{a0}\u{3000}\u{feff}'=1"),
            ("\u{2800}=1", "\u{2800}'=1"),
            ("x;\u{1d159} \u{13441}\u{16fe4}@a", "x;\u{1d159} \u{13441}\u{16fe4}'@a"),
            ("\u{301}\u{fe0f}\u{e000}-1", "\u{301}\u{fe0f}\u{e000}'-1"),
            ("\u{2801}=1", "\u{2801}=1"),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\u{ff0b}1", "'\u{ff0b}1"),
            ("\u{ff0d}1", "'\u{ff0d}1"),
            ("x;\u{ff20}a", "x;'\u{ff20}a"),
            ("a\n=1", "\"a\n'=1\""),
            ("a\"=1", "\"a\"\"=1\""),
            ("a\t=1", "a\t'=1"),
            ("a=b", "a=b"),
            ("a; b - c", "a; b - c"),
            ("a,b", "\"a,b\""),
            ("a\"b", "\"a\"\"b\""),
            ("a\nb", "\"a\nb\""),
            ("::1", "::1"),
            ("Grün", "Grün"),
        ] {
            assert_eq!(cell(text), written, "{text}");
        }
    }

    #[test]
    fn file_name_has_organization_and_day() {
        let at = Time::parse("2026-11-25T23:59:59.9Z").expect("a time");
        assert_eq!(file_name("acme", false, at), "acme-api-access-tokens-2026-11-25.csv");
        assert_eq!(file_name("acme", true, at), "acme-api-access-tokens-filtered-2026-11-25.csv");
    }
}
