//! Renders the subject, text and HTML of an email from the data that was copied at the commit.

use super::{one_line, safe_name};
use crate::domain::{
    email::{EmailContent, EmailOrganization, EmailToken, EmailUser},
    error::{Error, Result},
    time::Time,
};
use minijinja::{Environment, UndefinedBehavior, Value, context};
use url::{Host, Url};

/// The number of tokens that an email lists.
const MAX_TOKENS: usize = 50;

/// The data from which an email is rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailContext {
    /// The ID of the delivery, the same for each attempt.
    pub notification_id: String,
    /// The name of the recipient.
    pub to_name: String,
    /// The address of the recipient.
    pub to_address: String,
    /// The content of the email.
    pub content: EmailContent,
    /// The URL of the service for users.
    pub public_url: String,
}

/// An email that is ready to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedEmail {
    /// The ID of the delivery.
    pub notification_id: String,
    /// The Message-ID, the same for each attempt, so that a recipient can recognize a repeated email.
    pub message_id: String,
    /// The name of the recipient.
    pub to_name: String,
    /// The address of the recipient.
    pub to_address: String,
    /// The time of the event.
    pub at: Time,
    /// The subject, in one line.
    pub subject: String,
    /// The plain text body.
    pub text: String,
    /// The HTML body.
    pub html: String,
}

/// Renders an email. Text of users can neither break a line nor become markup.
pub fn render(email_context: &EmailContext) -> Result<RenderedEmail> {
    let data = TemplateData::of(&email_context.content);
    let values = data.values(email_context);
    let environment = environment().map_err(render_error)?;
    let fill = |kind: &str| {
        let template = environment.get_template(&format!("{}.{kind}", data.name))?;
        template.render(&values)
    };
    let id = safe_name(&email_context.notification_id);
    Ok(RenderedEmail {
        message_id: format!("<{id}@{}>", domain(&email_context.public_url)),
        notification_id: email_context.notification_id.clone(),
        to_name: one_line(&email_context.to_name),
        to_address: email_context.to_address.clone(),
        at: data.at,
        subject: fill("subject.txt").map_err(render_error)?,
        text: fill("txt").map_err(render_error)?,
        html: fill("html").map_err(render_error)?,
    })
}

/// The data that both kinds of email have in common; the one about a removed organization has a single token.
struct TemplateData<'email> {
    name: &'static str,
    organization: &'email EmailOrganization,
    tokens: &'email [EmailToken],
    by: Option<&'email EmailUser>,
    reason: Option<&'email str>,
    at: Time,
}

impl<'email> TemplateData<'email> {
    fn of(content: &'email EmailContent) -> Self {
        match content {
            EmailContent::OrganizationRemoved { organization, token, by, reason, at_micros } => Self {
                name: "organization_removed",
                organization,
                tokens: std::slice::from_ref(token),
                by: by.as_ref(),
                reason: reason.as_deref(),
                at: Time::from_micros(*at_micros),
            },
            EmailContent::MembershipEnded { organization, tokens, by, reason, at_micros } => Self {
                name: "membership_ended",
                organization,
                tokens,
                by: by.as_ref(),
                reason: reason.as_deref(),
                at: Time::from_micros(*at_micros),
            },
        }
    }

    fn values(&self, email_context: &EmailContext) -> Value {
        let by = self.by.map_or_else(|| "an operator of this service".into(), user_label);
        let home = format!("{}/tokens", email_context.public_url.trim_end_matches('/'));
        let tokens: Vec<_> = self.tokens.iter().take(MAX_TOKENS).map(|email_token| token(email_token, &home)).collect();
        context! {
            to_name => one_line(&email_context.to_name),
            organization => context! {
                name => one_line(&self.organization.name),
                slug => one_line(&self.organization.slug),
                deleted => self.organization.deleted,
            },
            token => tokens.first(),
            more => self.tokens.len() - tokens.len(),
            tokens,
            by,
            reason => self.reason.map_or_else(|| "No reason was given.".into(), one_line),
            when => self.at.utc().format("%-d %B %Y, %H:%M UTC").to_string(),
            home,
            notification_id => one_line(&email_context.notification_id),
        }
    }
}

fn user_label(user: &EmailUser) -> String {
    one_line(&format!("{} ({})", user.name, user.username))
}

fn token(email_token: &EmailToken, home: &str) -> Value {
    let id = one_line(&email_token.id);
    context! {
        page => format!("{home}/{id}"),
        id,
        description => one_line(&email_token.description),
        hint => one_line(&email_token.hint),
    }
}

/// Returns the part of a Message-ID after the @.
fn domain(public_url: &str) -> String {
    let url = Url::parse(public_url).ok();
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name.to_owned(),
        _ => "localhost".into(),
    }
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    for (name, text) in [
        ("layout.html", include_str!("templates/layout.html")),
        ("fact.html", include_str!("templates/fact.html")),
        ("organization_removed.subject.txt", include_str!("templates/organization_removed.subject.txt")),
        ("organization_removed.txt", include_str!("templates/organization_removed.txt")),
        ("organization_removed.html", include_str!("templates/organization_removed.html")),
        ("membership_ended.subject.txt", include_str!("templates/membership_ended.subject.txt")),
        ("membership_ended.txt", include_str!("templates/membership_ended.txt")),
        ("membership_ended.html", include_str!("templates/membership_ended.html")),
    ] {
        environment.add_template(name, text)?;
    }
    Ok(environment)
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed to map_err")]
fn render_error(error: minijinja::Error) -> Error {
    Error::Bug(format!("failed to render an email: {error}").into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: i64 = 1_795_426_200_123_456;

    fn acme() -> EmailOrganization {
        EmailOrganization { slug: "acme".into(), name: "Acme & Sons".into(), deleted: false }
    }

    fn ada() -> EmailUser {
        EmailUser { username: "ada".into(), name: "Ada Lovelace".into() }
    }

    fn email_token(number: usize) -> EmailToken {
        EmailToken {
            id: format!("token_{number:026}"),
            description: format!("Deploy job {number}"),
            hint: "twd_Ab3x…9Zk0".into(),
        }
    }

    fn email_context(content: EmailContent) -> EmailContext {
        EmailContext {
            notification_id: "delivery_01kb0000000000000000000000".into(),
            to_name: "Bob Builder".into(),
            to_address: "bob@example.com".into(),
            content,
            public_url: "https://tokens.example.com".into(),
        }
    }

    fn removed(by: Option<EmailUser>, reason: Option<&str>) -> EmailContext {
        email_context(EmailContent::OrganizationRemoved {
            organization: acme(),
            token: email_token(1),
            by,
            reason: reason.map(str::to_owned),
            at_micros: AT,
        })
    }

    fn ended(tokens: usize) -> EmailContext {
        email_context(EmailContent::MembershipEnded {
            organization: acme(),
            tokens: (1..=tokens).map(email_token).collect(),
            by: Some(ada()),
            reason: Some("The contract ended.".into()),
            at_micros: AT,
        })
    }

    fn rendered(email_context: &EmailContext) -> RenderedEmail {
        render(email_context).expect("an email")
    }

    fn full_text(email: &RenderedEmail) -> String {
        format!("Subject: {}\n\n{}", email.subject, email.text)
    }

    #[test]
    fn organization_removed_email_matches_its_snapshot() {
        let email = rendered(&removed(Some(ada()), Some("Not used for a year.")));
        insta::assert_snapshot!(full_text(&email));
        insta::assert_snapshot!(email.html);
    }

    #[test]
    fn membership_ended_email_matches_its_snapshot() {
        let email = rendered(&ended(2));
        insta::assert_snapshot!(full_text(&email));
        insta::assert_snapshot!(email.html);
    }

    #[test]
    fn deleted_organization_email_offers_no_restoration() {
        let email = rendered(&email_context(EmailContent::MembershipEnded {
            organization: EmailOrganization { deleted: true, ..acme() },
            tokens: vec![email_token(1)],
            by: None,
            reason: Some("The organization was deleted.".into()),
            at_micros: AT,
        }));
        insta::assert_snapshot!(full_text(&email));
        for body in [&email.text, &email.html] {
            let body = body.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(body.contains("A deleted organization cannot be restored"), "{body}");
            assert!(!body.contains("addOrganizationToToken"), "{body}");
        }
    }

    #[test]
    fn operator_and_missing_reason_are_shown() {
        let email = rendered(&removed(None, None));
        for body in [&email.text, &email.html] {
            assert!(body.contains("an operator of this service") && body.contains("No reason was given."), "{body}");
        }
    }

    #[test]
    fn text_and_html_contain_the_same_facts() {
        for email in [rendered(&removed(Some(ada()), Some("Old."))), rendered(&ended(1))] {
            let facts = [
                "Bob Builder",
                "acme",
                "Ada Lovelace (ada)",
                "23 November 2026, 09:30 UTC",
                "Deploy job 1",
                "twd_Ab3x…9Zk0",
                "addOrganizationToToken",
                "delivery_01kb0000000000000000000000",
            ];
            for fact in facts {
                assert!(email.text.contains(fact) && email.html.contains(fact), "{fact}");
            }
        }
    }

    ///
    #[test]
    fn message_id_is_derived_from_the_delivery_id() {
        let email_context = removed(None, None);
        let email = rendered(&email_context);
        assert_eq!(email.message_id, "<delivery_01kb0000000000000000000000@tokens.example.com>");
        assert_eq!(email.at, Time::from_micros(AT));
        assert_eq!(rendered(&email_context), email);
        for url in ["http://127.0.0.1:8080", "http://[::1]:8080", "nonsense"] {
            assert!(
                rendered(&EmailContext { public_url: url.into(), ..email_context.clone() })
                    .message_id
                    .ends_with("@localhost>")
            );
        }
    }

    ///
    #[test]
    fn links_use_the_configured_url() {
        for email in [rendered(&removed(Some(ada()), None)), rendered(&ended(3))] {
            let plain = email.html.replace("&#x2f;", "/");
            let links: Vec<_> = plain.match_indices("href=\"").map(|(at, it)| &plain[at + it.len()..]).collect();
            assert!(!links.is_empty());
            assert!(links.iter().all(|link| link.starts_with("https://tokens.example.com/tokens")), "{plain}");
            let to_tokens = links.iter().filter(|link| link.starts_with("https://tokens.example.com/tokens/token_"));
            assert!(
                to_tokens.count() > 0 && email.text.contains("\n  https://tokens.example.com/tokens/token_"),
                "{plain}"
            );
            for body in [&email.text, &plain] {
                assert_eq!(body.matches("://").count(), body.matches("https://tokens.example.com/").count(), "{body}");
            }
        }
    }

    #[test]
    fn email_lists_50_tokens_and_counts_the_others() {
        let email = rendered(&ended(50));
        assert!(email.text.contains("Deploy job 50") && !email.text.contains("more"), "{}", email.text);
        let email = rendered(&ended(53));
        for body in [&email.text, &email.html] {
            assert!(body.contains("Deploy job 50") && !body.contains("Deploy job 51"), "{body}");
            assert!(body.contains("and 3 more"), "{body}");
        }
    }

    ///
    #[test]
    fn user_text_cannot_break_lines_or_add_markup() {
        let nasty = "</p><script>x</script>\r\nBcc: {{ notification_id }}";
        let mut email_context = removed(None, Some(nasty));
        email_context.to_name = nasty.into();
        if let EmailContent::OrganizationRemoved { organization, token, .. } = &mut email_context.content {
            organization.name = nasty.into();
            token.description = nasty.into();
        }
        let email = rendered(&email_context);
        assert_eq!(email.subject.lines().count(), 1);
        assert!(!email.text.contains("\nBcc") && !email.to_name.contains('\n'));
        assert!(email.text.contains("<script>x</script>  Bcc: {{ notification_id }}"), "{}", email.text);
        assert!(!email.html.contains("<script>"), "{}", email.html);
    }
}
