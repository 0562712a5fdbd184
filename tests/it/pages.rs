//! Checks that the console is served at each of its URLs and at no other, with its policy.

use crate::world::{World, client::read};
use reqwest::Method;
use std::io::Read as _;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// URLs as users open them. The page itself reports what does not exist.
const ADDRESSES: [&str; 15] = [
    "/",
    "/sign-in",
    "/sign-in?to=%2Ftokens",
    "/invitations/aB3dE6gH9",
    "/tokens",
    "/tokens/new",
    "/tokens/new?description=deploy&scopes[]=read_builds",
    "/tokens/token_01kb0000000000000000000000",
    "/settings",
    "/organizations/acme",
    "/organizations/acme/audit",
    "/organizations/acme/audit/token_01kb0000000000000000000000",
    "/organizations/acme/members",
    "/organizations/no.such_one/log",
    "/organizations/acme/settings",
];

both!(
    ///
    async fn console_is_served_at_its_urls_with_its_policy(world: World) {
        let anonymous = world.anonymous();
        let first = anonymous.get("/").await;
        assert!(
            first.text.starts_with("<!doctype html>") || first.text.starts_with("<!DOCTYPE html>"),
            "{}",
            first.text
        );
        for word in ["<style", " style=", "onload=", "javascript:", "data:"] {
            assert!(!first.text.contains(word), "the policy would block {word}");
        }
        for address in ADDRESSES {
            let (path, query) = address.split_once('?').unwrap_or((address, ""));
            let slash = format!("{}/?{query}", path.trim_end_matches('/'));
            for address in [address, &slash] {
                let page = anonymous.get(address).await;
                assert_eq!((page.status.as_u16(), page.text == first.text), (200, true), "{address}");
                for (name, value) in [
                    ("content-type", "text/html; charset=utf-8"),
                    ("content-security-policy", POLICY),
                    ("cache-control", "no-cache"),
                    ("x-content-type-options", "nosniff"),
                    ("referrer-policy", "no-referrer"),
                    ("cross-origin-opener-policy", "same-origin"),
                    ("etag", first.header("etag")),
                ] {
                    assert_eq!(page.header(name), value, "{address}");
                }
                assert_eq!(page.headers.get_all("content-security-policy").iter().count(), 1);
                let known = anonymous.request(Method::GET, address).header("if-none-match", first.header("etag"));
                let known = read(known).await;
                assert_eq!((known.status.as_u16(), known.text.as_str()), (304, ""), "{address}");
                assert_eq!(known.header("content-security-policy"), POLICY);
            }
        }
    }
);

both!(
    ///
    async fn other_methods_get_405_and_other_paths_404(world: World) {
        let anonymous = world.anonymous();
        for address in ADDRESSES {
            for method in [Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
                let reply = read(anonymous.request(method.clone(), address)).await;
                assert_eq!(reply.status, 405, "{method} {address}");
                let allowed: Vec<_> = reply.header("allow").split(", ").collect();
                assert!(allowed.contains(&"GET") && !allowed.contains(&method.as_str()), "{address}: {allowed:?}");
            }
        }
        for path in [
            "/index.html",
            "/sign-in/x",
            "/invitations",
            "/invitations/a/b",
            "/tokens/new/x",
            "/organizations",
            "/organizations/acme/nothing",
            "/organizations/acme/audit/a/b",
            "/settings/x",
            "/assets/index.html",
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

both!(
    async fn unknown_path_in_a_browser_shows_the_page(world: World) {
        let anonymous = world.anonymous();
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
        for path in ["/nowhere", "/tokens/a/b", "/metrics", "/.git/config", "/assets/nothing.js", "/v3/access-token"] {
            let request = anonymous.request(Method::GET, path);
            let reply = read(request.header("accept", browser)).await;
            let is_page = !path.starts_with("/assets/");
            assert_eq!((reply.status.as_u16(), reply.text.starts_with("<!doctype html>")), (404, is_page), "{path}");
            assert_eq!(reply.header("content-security-policy") == POLICY, is_page, "{path}");
            let sent = read(anonymous.request(Method::POST, path).header("accept", browser)).await;
            assert_eq!((sent.status.as_u16(), sent.json()["message"].as_str()), (404, Some("No such path")), "{path}");
            let program = anonymous.get(path).await;
            assert_eq!(program.json()["message"], "No such path", "{path}");
        }
    }
);

both!(
    async fn console_loads_files_of_this_origin_only(world: World) {
        let anonymous = world.anonymous();
        let page = anonymous.get("/tokens").await.text;
        let mut loaded = 0;
        for opening in [" src=\"", " href=\""] {
            for rest in page.split(opening).skip(1) {
                let path = rest.split('"').next().unwrap_or_default();
                // Absolute, since the page is served at URLs of any depth.
                assert!(path.starts_with('/') && !path.starts_with("//"), "{path} is not of this origin");
                let file = anonymous.get(path).await;
                assert_eq!(file.status, 200, "{path}");
                assert!(!file.header("etag").is_empty(), "{path}");
                let keep =
                    if path.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
                assert_eq!(file.header("cache-control"), keep, "{path}");
                loaded += 1;
            }
        }
        assert!(loaded > 1, "{page}");
    }
);

both!(
    async fn files_are_compressed_without_loss(world: World) {
        let anonymous = world.anonymous();
        let page = anonymous.get("/graphiql").await.text;
        let script = page.split(" src=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a script");
        for path in ["/tokens", script] {
            let plain = anonymous.get(path).await;
            assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"), "{path}");
            // The second response is the cached one.
            for _ in 0..2 {
                let request = anonymous.request(Method::GET, path).header("accept-encoding", "br, gzip");
                let compressed = request.send().await.unwrap();
                assert_eq!(compressed.headers()["content-encoding"], "gzip", "{path}");
                assert_eq!(compressed.headers()["vary"], "accept-encoding", "{path}");
                assert_eq!(compressed.headers()["etag"], plain.header("etag"), "{path}");
                assert_eq!(compressed.headers()["content-type"], plain.header("content-type"), "{path}");
                let compressed = compressed.bytes().await.unwrap();
                assert!(compressed.len() < plain.text.len(), "{path}: {} of {}", compressed.len(), plain.text.len());
                let mut text = String::new();
                flate2::read::GzDecoder::new(&*compressed).read_to_string(&mut text).unwrap();
                assert!(text == plain.text, "{path} differs after decompression");
            }
            let unwanted = anonymous.request(Method::GET, path).header("accept-encoding", "gzip;q=0");
            assert_eq!(read(unwanted).await.header("content-encoding"), "", "{path}");
        }
    }
);
