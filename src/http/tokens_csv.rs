//! `POST /organizations/{slug}/tokens.csv`: the audit as a table for spreadsheets, read page by page as the client takes it.

use super::{
    Doors, Shared, access_token,
    front::Note,
    graphql::{self, is_json},
    problem::{Problem, json_answer},
};
use crate::{
    app::App,
    domain::{
        caller::Caller,
        cursor::Cursor,
        error::{Error, Result},
        id::OrganizationId,
        list::{Page, TokenFilter},
        policy::{self, OrgAdmin},
        text,
        time::Time,
    },
    graphql::token_filter,
    store::Line,
};
use axum::{
    body::Body,
    extract::{Path, Request, State, rejection::PathRejection},
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use futures_util::{
    StreamExt as _,
    stream::{self, Stream},
};
use serde_json::{Value, json};
use std::{borrow::Cow, vec};

/// How many lines are read at once.
const LINES: u32 = 200;
/// About how many bytes are written at once. With one long line more it is far below what a streamed response may hold.
const CHUNK: usize = 32 * 1024;
const HEADER: [&str; 9] = [
    "Owner",
    "Owner e-mail",
    "Owner id",
    "Token UUID",
    "Description",
    "Last used at",
    "Last request IP",
    "Created at",
    "Scopes",
];

/// Tells the audit of one organization.
pub(super) async fn handle(
    State(doors): State<Shared>,
    slug: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    // A path that is no text names an organization that there is not.
    let slug = slug.map(|Path(slug)| slug).unwrap_or_default();
    answer(&doors, &head, body, &slug).await.unwrap_or_else(Problem::into_response)
}

async fn answer(doors: &Doors, head: &Parts, body: Body, slug: &str) -> Result<Response, Problem> {
    if head.method != Method::POST {
        return Err(Problem::method("POST"));
    }
    let caller = graphql::caller_of(doors, head).await?;
    let asked = filter_of(head, body).await?;
    let (who, at) = (caller.user().map(|user| user.to_string()), caller.at);
    let organization = organization(&doors.app, slug).await?;
    let mut walk = Walk { app: doors.app.clone(), caller, organization, filter: TokenFilter::default(), behind: None };
    // Whoever may not read the audit hears nothing of their filter.
    walk.admin().await?;
    walk.filter = match token_filter(asked, &doors.app) {
        Err(Error::Invalid { field, why }) => {
            let told = json!({ "message": why, "field": field });
            return Ok(json_answer(StatusCode::UNPROCESSABLE_ENTITY, &told));
        }
        read => read?,
    };
    let first = walk.page().await?;
    let mut response = Body::from_stream(table(first, walk)).into_response();
    let name = format!("attachment; filename=\"{}\"", file_name(slug, at));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(|_| bug("a file name"))?);
    response.extensions_mut().insert(Note { caller: who, ..Note::default() });
    Ok(response)
}

/// The filter in the body; null stands for none.
async fn filter_of(head: &Parts, body: Body) -> Result<Value, Problem> {
    let kind = head.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !is_json(kind) {
        let message = "Send the request as application/json in UTF-8.";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    let body = access_token::body_of(body).await?;
    let fields = match serde_json::from_slice(&body) {
        Ok(Value::Object(fields)) => Some(fields),
        _ => None,
    };
    let filter = fields.filter(|fields| fields.keys().all(|key| key == "filter"));
    let mut filter = filter.ok_or_else(|| {
        let message =
            "Send {\"filter\": …} in JSON, with a TokenFilter of the GraphQL schema; {} asks for active tokens.";
        Problem::new(StatusCode::BAD_REQUEST, message)
    })?;
    Ok(filter.remove("filter").unwrap_or_default())
}

async fn organization(app: &App, slug: &str) -> Result<OrganizationId> {
    let none = || Error::NotFound("organization");
    // No slug holds a character that a database might stumble over.
    let slug = text::slug("slug", slug).map_err(|_| none())?;
    Ok(app.store().organization_named(&slug).await?.ok_or_else(none)?.id)
}

/// A walk through the audit.
struct Walk {
    app: App,
    caller: Caller,
    organization: OrganizationId,
    filter: TokenFilter,
    behind: Option<Cursor>,
}

impl Walk {
    /// What the caller may at this moment: a client may take a long time for a long table.
    async fn admin(&self) -> Result<OrgAdmin> {
        policy::admin_of(&self.app.store().standing(&self.caller).await?, self.organization)
    }

    /// The next lines.
    async fn page(&mut self) -> Result<Vec<Line>> {
        let admin = self.admin().await?;
        let page = Page { limit: LINES, backward: false, after: self.behind.take(), before: None };
        let slice = self.app.store().exported(&admin, &self.filter, &page, self.caller.at).await?;
        self.behind = slice.rows.last().filter(|_| slice.has_next).map(|(place, _)| place.clone());
        Ok(slice.rows.into_iter().map(|(_, line)| line).collect())
    }

    /// Writes lines until there are enough for one chunk.
    fn written(&self, lines: &mut vec::IntoIter<Line>) -> Result<Vec<u8>> {
        let mut rows = Vec::new();
        let mut size = 0;
        while size < CHUNK
            && let Some(line) = lines.next()
        {
            let row = row(&line, &self.app);
            size += row.iter().map(|cell| cell.len()).sum::<usize>();
            rows.push(row);
        }
        written(rows)
    }
}

/// The whole table. Where a page of it fails, the connection is cut: half a table must not look like all of it.
fn table(first: Vec<Line>, walk: Walk) -> impl Stream<Item = Result<Vec<u8>, axum::BoxError>> {
    let head = stream::once(async { written([HEADER.map(Cow::Borrowed)]) });
    let pages = stream::try_unfold((first.into_iter(), walk), async |(mut lines, mut walk)| {
        if lines.len() == 0 && walk.behind.is_some() {
            lines = walk.page().await?.into_iter();
        }
        if lines.len() == 0 {
            return Ok::<_, Error>(None);
        }
        Ok(Some((walk.written(&mut lines)?, (lines, walk))))
    });
    // A problem is logged where it is made.
    head.chain(pages).map(|bytes| bytes.map_err(|error| Problem::from(error).message.into()))
}

fn row(line: &Line, app: &App) -> [Cow<'static, str>; 9] {
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
    ]
    .map(Cow::Owned)
}

fn written<'text>(rows: impl IntoIterator<Item = [Cow<'text, str>; 9]>) -> Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer
            .write_record(row.map(harmless).iter().map(|cell| cell.as_bytes()))
            .map_err(|_| bug("a line of a table"))?;
    }
    writer.into_inner().map_err(|_| bug("a page of a table"))
}

/// Spreadsheets calculate what begins like a formula, and people write descriptions. Where commas are written in numbers, a
/// spreadsheet begins a cell behind each semicolon, and does not look for quotes before it.
fn harmless(cell: Cow<'_, str>) -> Cow<'_, str> {
    let (mut text, mut begins) = (String::with_capacity(cell.len()), true);
    for letter in cell.chars() {
        if begins && matches!(letter, '=' | '+' | '-' | '@' | '\t' | '\r') {
            text.push('\'');
        }
        text.push(letter);
        begins = matches!(letter, ';' | '\t') || begins && letter == ' ';
    }
    if text.len() == cell.len() { cell } else { Cow::Owned(text) }
}

fn file_name(slug: &str, at: Time) -> String {
    let now = at.to_text_in_seconds();
    let day = now.split('T').next().unwrap_or_default();
    format!("{slug}-api-access-tokens-{day}.csv")
}

fn bug(of: &'static str) -> Error {
    Error::Bug(format!("{of} cannot be written").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_like_a_formula_is_text_and_quotes_are_doubled() {
        let cell = |text: &'static str| {
            let mut row = [const { Cow::Borrowed("") }; 9];
            row[0] = Cow::Borrowed(text);
            let line = String::from_utf8(written([row]).expect("a line")).expect("a text");
            line.strip_suffix(",,,,,,,,\r\n").expect("nine cells").to_owned()
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
    fn a_file_is_called_by_its_organization_and_day() {
        let at = Time::parse("2026-11-25T23:59:59.9Z").expect("a time");
        assert_eq!(file_name("acme", at), "acme-api-access-tokens-2026-11-25.csv");
    }
}
