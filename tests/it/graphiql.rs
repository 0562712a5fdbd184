//! Checks that the GraphiQL page is served completely, from this origin only, and with its policy.

use crate::world::{World, client::read};
use reqwest::Method;
use std::path::Path;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Returns the values of an attribute in a page, in their order.
fn attributes(html: &str, name: &str) -> Vec<String> {
    let opening = format!(" {name}=\"");
    html.split(&opening).skip(1).map(|rest| rest.split('"').next().unwrap_or_default().to_owned()).collect()
}

/// Returns the URLs that a style sheet loads.
fn urls(css: &str) -> Vec<String> {
    let inside = css.split("url(").skip(1).map(|rest| rest.split(')').next().unwrap_or_default());
    let mut all: Vec<_> = inside.map(|url| url.trim_matches(['"', '\'']).to_owned()).collect();
    all.extend(css.split("@import").skip(1).map(|rest| rest.chars().take(80).collect()));
    all
}

/// Returns the paths of the files that a script imports from its own folder.
fn imports(script: &str) -> Vec<String> {
    let mut all = Vec::new();
    for quote in ['"', '\'', '`'] {
        for rest in script.split(&format!("{quote}./")).skip(1) {
            let name = rest.split(quote).next().unwrap_or_default();
            if [Some("js"), Some("css")].contains(&Path::new(name).extension().and_then(|end| end.to_str())) {
                all.push(format!("/assets/{name}"));
            }
        }
    }
    all
}

both!(
    async fn page_is_served_with_its_policy(world: World) {
        let anonymous = world.anonymous();
        for path in ["/graphiql", "/graphiql/"] {
            let page = anonymous.get(path).await;
            assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"));
            assert_eq!(page.header("content-security-policy"), POLICY);
            assert_eq!(page.headers.get_all("content-security-policy").iter().count(), 1);
            assert_eq!(page.header("cache-control"), "no-cache");
            assert_eq!(page.header("x-content-type-options"), "nosniff");
            assert_eq!(page.header("referrer-policy"), "no-referrer");
            assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
            assert!(!page.header("x-request-id").is_empty());
            for word in ["<style", " style=", "onload=", "javascript:", "data:"] {
                assert!(!page.text.contains(word), "the policy would block {word}");
            }
        }
    }
);

both!(
    async fn page_loads_files_of_this_origin_only(world: World) {
        let anonymous = world.anonymous();
        let page = anonymous.get("/graphiql").await.text;
        let mut waiting: Vec<_> = attributes(&page, "src").into_iter().chain(attributes(&page, "href")).collect();
        let mut seen = Vec::new();
        while let Some(path) = waiting.pop() {
            if seen.contains(&path) {
                continue;
            }
            assert!(path.starts_with("/assets/"), "{path} is not of this origin");
            let file = anonymous.get(&path).await;
            assert_eq!(file.status, 200, "{path}");
            let kind = match path.rsplit_once('.').unwrap().1 {
                "js" => "text/javascript; charset=utf-8",
                "css" => "text/css; charset=utf-8",
                "svg" => "image/svg+xml",
                "woff2" => "font/woff2",
                other => panic!("the page loads a .{other}"),
            };
            assert_eq!(file.header("content-type"), kind, "{path}");
            assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable", "{path}");
            assert_eq!(file.header("content-security-policy"), "default-src 'none'; frame-ancestors 'none'");
            if kind.starts_with("text/css") {
                waiting.extend(urls(&file.text));
            }
            if kind.starts_with("text/javascript") {
                waiting.extend(imports(&file.text));
            }
            assert!(!file.text.contains("sourceMappingURL"), "{path}");
            seen.push(path);
        }
        for kind in [".js", ".css", ".svg", ".woff2"] {
            assert!(seen.iter().any(|path| path.ends_with(kind)), "no {kind} among {seen:?}");
        }
        assert!(seen.len() > 20, "{seen:?}");
        for notice in ["/assets/licenses.md", "/assets/licenses-of-fonts.md"] {
            let file = anonymous.get(notice).await;
            assert_eq!((file.status.as_u16(), file.header("cache-control")), (200, "no-cache"));
        }
    }
);

both!(
    async fn unchanged_page_is_not_sent_again(world: World) {
        let anonymous = world.anonymous();
        let page = anonymous.get("/graphiql").await;
        let tag = page.header("etag").to_owned();
        assert!(tag.len() > 20, "{tag}");
        let strong = tag.trim_start_matches("W/").to_owned();
        for known in [tag.clone(), strong, format!("\"other\", {tag}"), "*".into()] {
            let again = read(anonymous.request(Method::GET, "/graphiql").header("if-none-match", &known)).await;
            assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""), "{known}");
            assert_eq!(again.header("content-security-policy"), POLICY);
            assert_eq!(again.header("etag"), tag);
        }
        let other = read(anonymous.request(Method::GET, "/graphiql").header("if-none-match", "\"other\"")).await;
        assert_eq!(other.status, 200);
    }
);

both!(
    async fn other_methods_and_paths_are_rejected(world: World) {
        let anonymous = world.anonymous();
        let page = anonymous.get("/graphiql").await.text;
        let asset = attributes(&page, "src")[0].clone();
        for path in ["/graphiql", &asset] {
            for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
                let reply = read(anonymous.request(method, path)).await;
                assert_eq!((reply.status.as_u16(), reply.header("allow")), (405, "GET, HEAD"), "{path}");
            }
        }
        for path in [
            "/assets",
            "/assets/",
            "/assets/nothing.js",
            "/assets/graphiql.html",
            "/assets/../graphiql.html",
            "/assets/%2e%2e/graphiql.html",
            "/assets/..%2f..%2fpackage.json",
            "/assets/..%2f..%2f..%2fCargo.toml",
            "/assets//etc/passwd",
            "/graphiql.html",
            "/graphiql/assets",
        ] {
            let reply = anonymous.get(path).await;
            assert_eq!(
                (reply.status.as_u16(), reply.json()["message"].as_str()),
                (404, Some("No such path")),
                "{path}"
            );
        }
    }
);

#[test]
fn helpers_find_attributes_urls_and_imports() {
    assert_eq!(attributes(r#"<a href="/x"><b src="https://cdn.example/y.js">"#, "src"), ["https://cdn.example/y.js"]);
    assert_eq!(urls("a{b:url('//cdn.example/f')}c{d:url(data:x)}"), ["//cdn.example/f", "data:x"]);
    assert_eq!(urls("@import \"https://cdn.example\";").len(), 1);
    assert_eq!(imports(r#"import"./a-b.js";import(`./c.js`)"#), ["/assets/a-b.js", "/assets/c.js"]);
}
