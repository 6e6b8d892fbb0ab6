//! Goal: lookups and administration are apart; who may do what is decided by the table, on each kind of
//! listener; certificates and tokens are taken again while calls go on. Method: the built program with
//! listeners in the clear, at Unix sockets, and with TLS; every method is called with every credential.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::TcpStream,
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixDatagram, UnixListener},
    },
    path::PathBuf,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use kindred::{
    client::{ClientError, Credentials, Replica, Target},
    pb::{self, Method},
    service::token_hash,
};
use rustls::{
    ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tonic::{Code, Request, client::Grpc, codegen::http::uri::PathAndQuery};
use tonic_prost::ProstCodec;

use crate::{
    calls::{asking, block_on},
    certs::{Authority, Signed, replace},
    command::kindred,
    server::{PATIENCE, Server, eventually, serve},
    shop::Shop,
};

const CROSS_SELL: i32 = 1;

/// A stream that says nothing for so long has been let in.
const QUIET: Duration = Duration::from_millis(200);

/// What `kindred serve` does where nothing was said.
fn apart(shop: &Shop) -> Command {
    let mut command = serve(shop, "state");
    command.env_remove("KINDRED_ADMIN_LISTEN").env_remove("KINDRED_INSECURE_ADMIN");
    command
}

/// Where the admin listener is, as the program said.
fn admin(server: &mut Server) -> String {
    let line = server.out.until("stock, blocks and snapshots on ");
    line.strip_prefix("stock, blocks and snapshots on ").unwrap().to_owned()
}

/// Calls a method with an empty message; what the call came to.
async fn call(to: &Target, method: Method) -> Result<Code, ClientError> {
    let mut calls = Grpc::new(to.channel().await?);
    calls.ready().await.map_err(|error| ClientError::Unreachable {
        address: to.address.clone(),
        reason: error.to_string(),
    })?;
    let mut request = Request::new(());
    to.bearer()?.add(&mut request);
    let path = PathAndQuery::from_static(method.path());
    let answer = calls.server_streaming(request, path, ProstCodec::<(), ()>::default()).await;
    Ok(match answer {
        Ok(answer) => {
            // The first message, or the end, tells; a Watch that says nothing was let in.
            let mut messages = answer.into_inner();
            match tokio::time::timeout(QUIET, messages.message()).await {
                Ok(Err(status)) => status.code(),
                Ok(Ok(_)) | Err(_) => Code::Ok,
            }
        }
        Err(status) => status.code(),
    })
}

fn is_refused(code: Code) -> bool {
    matches!(code, Code::Unauthenticated | Code::PermissionDenied | Code::Unimplemented)
}

/// Which methods are served where, by their services.
fn is_of_lookups(method: Method) -> bool {
    method.path().starts_with("/kindred.v1.RecommendationService/")
}

fn is_of_both(method: Method) -> bool {
    method.path().starts_with("/grpc.")
}

#[test]
fn lookups_and_administration_are_apart_unless_said_otherwise() {
    let shop = Shop::demo();
    let mut server = Server::listening(&mut apart(&shop));
    let (lookups, admin) = (server.address.to_string(), admin(&mut server));
    let socket = shop.path("state").join("admin.sock");
    assert_eq!(admin, format!("unix:{}", socket.display()));
    let mode = fs::metadata(&socket).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600, "its owner's alone");
    let (lookup_plane, admin_plane) = (lookups.as_str().into(), admin.as_str().into());
    for method in Method::ALL {
        let (found, admin) = block_on(async {
            (call(&lookup_plane, method).await, call(&admin_plane, method).await)
        });
        let (found, admin) = (found.unwrap(), admin.unwrap());
        let is_here = is_of_lookups(method) || is_of_both(method);
        assert_eq!(!is_refused(found), is_here, "{} on lookups: {found:?}", method.path());
        let is_there = !is_of_lookups(method);
        assert_eq!(!is_refused(admin), is_there, "{} on admin: {admin:?}", method.path());
    }
    let wrong = block_on(async {
        let mut replica = Replica::connect(lookups.as_str()).await.unwrap();
        replica.blocked().await.unwrap_err().to_string()
    });
    assert!(wrong.contains("admin listener"), "{wrong}");
    shop.write(
        "stock.csv",
        "product_id,availability,event_time\ntoy-car,out_of_stock,2026-01-01T00:00:00Z\n",
    );
    let file = shop.table("stock.csv").display().to_string();
    let push = ["stock", "push", "--source", "erp", "--to", &admin, "--file", &file];
    kindred(push).succeeded();
    assert_eq!(server.ended(), Some(0));
    assert!(!socket.exists(), "a server that ends takes its socket along");
}

/// A server with these variables does not start, and says so.
#[track_caller]
fn refused(shop: &Shop, set: &[(&str, &str)], expected: &[&str]) {
    let output = apart(shop).envs(set.iter().copied()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    for text in expected {
        assert!(said.contains(text), "{text:?} in {said}");
    }
}

/// Roots of clients' certificates were not looked at where a listener had no TLS to ask for them with, or
/// where it had others, and tokens where everybody may do everything: without a word.
#[test]
fn a_flag_that_would_have_no_effect_is_refused_at_the_start() {
    let shop = Shop::demo();
    // They are not even opened.
    let check = |set: &[(&str, &str)], expected: &[&str]| {
        let tls = [("KINDRED_TLS_CERT", "cert.pem"), ("KINDRED_TLS_KEY", "key.pem")];
        refused(&shop, &[&tls, set].concat(), expected);
    };
    let admin_ca = ("KINDRED_ADMIN_TLS_CLIENT_CA", "admin.pem");
    let lookups_ca = ("KINDRED_TLS_CLIENT_CA", "lookups.pem");
    let same = ("KINDRED_ADMIN_LISTEN", "same");
    let socket = format!("unix:{}", shop.path("one.sock").display());
    let at_socket = ("KINDRED_LISTEN", socket.as_str());
    let default = shop.path("state").join("admin.sock").display().to_string();
    check(&[admin_ca], &["--admin-tls-client-ca admin.pem", "no effect", &default, "ADDR:PORT"]);
    check(
        &[admin_ca, ("KINDRED_ADMIN_LISTEN", &socket)],
        &["--admin-tls-client-ca admin.pem", &socket, "--admin-listen ADDR:PORT"],
    );
    check(
        &[lookups_ca, at_socket],
        &["--tls-client-ca lookups.pem", "no effect", &socket, "--listen ADDR:PORT"],
    );
    for ca in [admin_ca, lookups_ca] {
        check(&[ca, same, at_socket], &["client-ca", ca.1, &socket, "--listen ADDR:PORT"]);
    }
    check(
        &[admin_ca, lookups_ca, same],
        &["--tls-client-ca lookups.pem", "--admin-listen same", "admin.pem", "leave one out"],
    );
    check(&[at_socket], &["--tls-cert cert.pem", "no effect", &socket, &default]);
    let tokens = ("KINDRED_TOKENS", "tokens.toml");
    let insecure = ("KINDRED_INSECURE_ADMIN", "true");
    refused(&shop, &[tokens, at_socket], &["--tokens tokens.toml", "no effect", &socket]);
    refused(&shop, &[tokens, same, insecure], &["--tokens tokens.toml", "--insecure-admin"]);
    // What has an effect at one listener is no mistake at the other.
    for set in [&[tokens][..], &[tokens, insecure]] {
        refused(&shop, set, &["cannot read tokens.toml"]);
    }
    check(&[lookups_ca], &["cannot read cert.pem"]);
    check(&[("KINDRED_TLS_CLIENT_CA", "admin.pem"), admin_ca, same, insecure], &["cannot read"]);
}

#[test]
fn what_is_unsafe_is_refused_at_the_start_unless_it_was_asked_for() {
    let shop = Shop::demo();
    let check = |set: &[(&str, &str)], expected: &[&str]| refused(&shop, set, expected);
    check(
        &[("KINDRED_LISTEN", "0.0.0.0:0")],
        &["in the clear", "--tls-cert", "--insecure-plaintext"],
    );
    let same = ("KINDRED_ADMIN_LISTEN", "same");
    check(&[same], &["--tokens", "--insecure-admin"]);
    let tcp = ("KINDRED_ADMIN_LISTEN", "127.0.0.1:0");
    check(&[tcp], &["--tokens", "--admin-tls-client-ca", "unix:PATH"]);
    check(
        &[("KINDRED_ADMIN_LISTEN", "nowhere")],
        &["--admin-listen", "127.0.0.1:50051", "nowhere"],
    );
    let nothing = shop.path("none").display().to_string();
    check(&[("KINDRED_TOKENS", &nothing)], &["cannot read", &nothing]);
    shop.write("tokens.toml", "anyone = [\"everything\"]");
    let tokens = shop.table("tokens.toml").display().to_string();
    check(&[("KINDRED_TOKENS", &tokens)], &[&tokens, "everything", "reader"]);
    let pem = ("KINDRED_TLS_CERT", tokens.as_str());
    check(&[pem, ("KINDRED_TLS_KEY", &tokens)], &["certificate", &tokens]);
    let file = format!("unix:{tokens}");
    check(&[("KINDRED_ADMIN_LISTEN", &file)], &["no socket", &tokens]);
    let socket = shop.path("taken.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let taken = format!("unix:{}", socket.display());
    check(&[("KINDRED_ADMIN_LISTEN", &taken)], &["another process listens"]);
}

#[test]
fn a_socket_that_a_killed_server_left_behind_is_replaced() {
    let shop = Shop::demo();
    let mut server = Server::listening(&mut apart(&shop));
    let before = admin(&mut server);
    server.signal("KILL");
    drop(server);
    assert!(shop.path("state").join("admin.sock").exists());
    let mut server = Server::listening(&mut apart(&shop));
    assert_eq!(admin(&mut server), before);
    let blocked =
        block_on(async { Replica::connect(before.as_str()).await.unwrap().blocked().await });
    assert_eq!(blocked.unwrap(), []);
}

#[test]
fn lookups_are_served_at_a_unix_socket_too() {
    let shop = Shop::demo();
    let socket = format!("unix:{}", shop.path("lookups.sock").display());
    let mut command = apart(&shop);
    let mut server = Server::spawn(command.env("KINDRED_LISTEN", &socket));
    server.out.until(&format!("listening on {socket}"));
    let answer = block_on(async {
        let mut replica = Replica::connect(socket.as_str()).await.unwrap();
        replica.recommendations(asking(&[CROSS_SELL], &["toy-car"])).await.unwrap()
    });
    assert!(!answer.recommendations.is_empty());
}

#[test]
fn a_service_manager_is_told_when_it_serves_and_when_it_stops() {
    let shop = Shop::demo();
    let path = shop.path("notify.sock");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut text = [0; 256];
        let len = manager.recv(&mut text).unwrap();
        String::from_utf8(text[..len].to_vec()).unwrap()
    };
    let server = Server::listening(apart(&shop).env("NOTIFY_SOCKET", &path));
    assert_eq!(told().trim_end(), "READY=1");
    assert_eq!(server.ended(), Some(0));
    assert_eq!(told().trim_end(), "STOPPING=1");
}

/// A server with TLS and tokens on both listeners.
struct Guarded {
    shop: Shop,
    authority: Authority,
    server: Server,
    admin: String,
    tokens: PathBuf,
}

const TOKENS: [&str; 4] = ["reader", "feeder", "merchandiser", "operator"];

fn tokens() -> String {
    let entry = |name: &str, role: &str, rest: &str| {
        let hash = token_hash(&format!("{name}-secret"));
        format!("[[token]]\nname = \"{name}\"\nroles = [\"{role}\"]\nsha256 = \"{hash}\"\n{rest}")
    };
    let mut text = TOKENS.map(|role| entry(role, role, "")).concat();
    text += &entry("late", "operator", "expires = 2020-01-01T00:00:00Z\n");
    text + "[[certificate]]\ndns = \"pim.shop.test\"\nroles = [\"merchandiser\"]\n"
}

impl Guarded {
    fn start() -> Self {
        let shop = Shop::demo();
        let authority = Authority::new();
        let path = |name: &str| shop.path(name);
        authority.sign("localhost", 1).install(&path("cert.pem"), &path("key.pem"));
        replace(&path("root.pem"), &authority.root());
        replace(&path("tokens.toml"), &tokens());
        let mut command = apart(&shop);
        command
            .env("KINDRED_ADMIN_LISTEN", "127.0.0.1:0")
            .env("KINDRED_TOKENS", path("tokens.toml"));
        command.env("KINDRED_TLS_CERT", path("cert.pem")).env("KINDRED_TLS_KEY", path("key.pem"));
        command.env("KINDRED_ADMIN_TLS_CLIENT_CA", path("root.pem"));
        let mut server = Server::listening(&mut command);
        let admin = admin(&mut server);
        let tokens = path("tokens.toml");
        Self { authority, server, admin, tokens, shop }
    }

    fn lookups(&self, token: Option<&str>) -> Target {
        self.target(&self.server.address.to_string(), token, None)
    }

    fn target(&self, address: &str, token: Option<&str>, identity: Option<&Signed>) -> Target {
        let (_, port) = address.rsplit_once(':').unwrap();
        let credentials = Credentials {
            token: token.map(ToOwned::to_owned),
            roots: Some(self.authority.root().into_bytes()),
            identity: identity
                .map(|one| (one.certificate.clone().into_bytes(), one.key.clone().into_bytes())),
        };
        Target { address: format!("localhost:{port}"), credentials }
    }
}

/// May a caller with these roles call this, by the README's table?
fn may(method: Method, roles: &[&str]) -> bool {
    let name = method.path().rsplit_once('/').unwrap().1;
    let who: &[&str] = match name {
        _ if method.path().starts_with("/grpc.health.") => return true,
        _ if is_of_both(method) => &TOKENS,
        _ if is_of_lookups(method) => &["reader", "merchandiser", "operator"],
        "BatchUpdateAvailability" | "ReplaceAvailability" => &["feeder", "operator"],
        "BlockProducts" | "UnblockProducts" => &["merchandiser", "operator"],
        "BatchGetAvailability" | "ListAvailability" | "ListBlockedProducts" => {
            &["feeder", "merchandiser", "operator"]
        }
        "WatchActiveSnapshot" => &["reader", "merchandiser", "operator"],
        "GetSnapshot" | "ListSnapshots" | "DiffSnapshots" => &["merchandiser", "operator"],
        "ActivateSnapshot" | "RollbackSnapshot" | "HoldSnapshot" | "ReleaseSnapshot" => {
            &["operator"]
        }
        _ => panic!("say here who may call {name}"),
    };
    roles.iter().any(|role| who.contains(role))
}

#[test]
fn over_tls_every_method_is_for_exactly_those_who_may_call_it() {
    let guarded = Guarded::start();
    let pim = guarded.authority.sign("pim.shop.test", 2);
    let other = guarded.authority.sign("other.shop.test", 3);
    let foreign = Authority::new().sign("pim.shop.test", 4);
    let mut shown: Vec<(Option<String>, Option<&[&str]>)> =
        vec![(None, Some(&[])), (Some("none-secret".to_owned()), None)];
    shown.push((Some("late-secret".to_owned()), None));
    for role in &TOKENS {
        shown.push((Some(format!("{role}-secret")), Some(std::slice::from_ref(role))));
    }
    let (mut allowed, mut denied) = (0, 0);
    let mut check = |to: &Target, method: Method, is_allowed: bool| {
        let found = block_on(call(to, method)).unwrap();
        assert_eq!(!is_refused(found), is_allowed, "{} at {to:?}: {found:?}", method.path());
        *(if is_allowed { &mut allowed } else { &mut denied }) += 1;
    };
    for (token, roles) in &shown {
        let lookups = guarded.lookups(token.as_deref());
        for method in Method::ALL {
            let is_here = is_of_lookups(method) || is_of_both(method);
            let is_open = method.path().starts_with("/grpc.health.");
            let may = is_open || roles.is_some_and(|roles| may(method, roles));
            check(&lookups, method, is_here && may);
        }
        for (identity, more) in [(&pim, Some("merchandiser")), (&other, None)] {
            let admin = guarded.target(&guarded.admin, token.as_deref(), Some(identity));
            for method in Method::ALL {
                let is_open = method.path().starts_with("/grpc.health.");
                let all = roles.map(|roles| roles.iter().copied().chain(more).collect::<Vec<_>>());
                let may = is_open || all.is_some_and(|roles| may(method, &roles));
                check(&admin, method, !is_of_lookups(method) && may);
            }
        }
    }
    println!("{allowed} calls allowed, {denied} denied, each as it should be");
    // Who shows no certificate, or one of another authority, does not come as far as a call.
    for identity in [None, Some(&foreign)] {
        let admin = guarded.target(&guarded.admin, Some("operator-secret"), identity);
        let found = block_on(call(&admin, Method::HealthCheck));
        assert!(!matches!(found, Ok(Code::Ok)), "{found:?}");
    }
    // Nor who speaks no TLS at all.
    let plain =
        block_on(call(&guarded.server.address.to_string().as_str().into(), Method::HealthCheck));
    assert!(!matches!(plain, Ok(Code::Ok)), "{plain:?}");
}

#[test]
fn a_peer_that_begins_no_handshake_is_closed() {
    let guarded = Guarded::start();
    let mut silent = TcpStream::connect(guarded.server.address).unwrap();
    silent.set_read_timeout(Some(PATIENCE)).unwrap();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0, "the server closed it");
}

#[test]
fn one_address_does_not_hold_all_places_of_the_admin_listener() {
    let guarded = Guarded::start();
    let connect = || {
        let stream = TcpStream::connect(&guarded.admin).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
        stream
    };
    // They say nothing, and have their places for five seconds.
    let mut silent = (0..16).map(|_| connect()).collect::<Vec<_>>();
    assert_eq!(connect().read(&mut [0]).unwrap(), 0, "the seventeenth is closed at once");
    silent[0].set_nonblocking(true).unwrap();
    let open = silent[0].read(&mut [0]).unwrap_err();
    assert_eq!(open.kind(), io::ErrorKind::WouldBlock);
    drop(silent);
    let pim = guarded.authority.sign("pim.shop.test", 2);
    let admin = guarded.target(&guarded.admin, None, Some(&pim));
    let ask = || block_on(call(&admin, Method::HealthCheck));
    eventually(ask, |found| matches!(found, Ok(Code::Ok))).unwrap();
}

#[test]
fn tokens_are_taken_again_when_their_file_changes_and_kept_when_it_is_wrong() {
    let mut guarded = Guarded::start();
    let ask = |token: &str| {
        block_on(call(&guarded.lookups(Some(token)), Method::DescribeCatalog)).unwrap()
    };
    assert_eq!((ask("reader-secret"), ask("new-secret")), (Code::Ok, Code::Unauthenticated));
    let hash = token_hash("new-secret");
    let new = format!("[[token]]\nname = \"n\"\nroles = [\"reader\"]\nsha256 = \"{hash}\"\n");
    replace(&guarded.tokens, &new);
    let begin = Instant::now();
    eventually(|| ask("new-secret"), |code| *code == Code::Ok);
    println!("a new token counts after {:?}", begin.elapsed());
    assert_eq!(ask("reader-secret"), Code::Unauthenticated, "one that was taken out");
    replace(&guarded.tokens, "anyone = reader");
    guarded.server.log.until("Changed files are refused");
    let ask = |token: &str| {
        block_on(call(&guarded.lookups(Some(token)), Method::DescribeCatalog)).unwrap()
    };
    assert_eq!((ask("new-secret"), ask("reader-secret")), (Code::Ok, Code::Unauthenticated));
}

/// A connection that is open kept the roles of its certificate, whatever became of the name in the file.
#[test]
fn a_name_that_is_taken_out_loses_its_roles_on_connections_that_are_open() {
    let guarded = Guarded::start();
    let pim = guarded.authority.sign("pim.shop.test", 2);
    let target = guarded.target(&guarded.admin, None, Some(&pim));
    crate::calls::endlessly(async {
        let mut replica = Replica::connect(target).await.unwrap();
        assert_eq!(replica.blocked().await.unwrap(), []);
        let with_its_name = tokens();
        let without = with_its_name.replace("pim.shop.test", "other.shop.test");
        for (text, is_allowed) in [(&without, false), (&with_its_name, true)] {
            replace(&guarded.tokens, text);
            let begin = Instant::now();
            let mut calls = 0;
            while replica.blocked().await.is_ok() != is_allowed {
                calls += 1;
                assert!(begin.elapsed() < PATIENCE, "{calls} calls were answered as before");
            }
            let after = begin.elapsed();
            println!("allowed {is_allowed} after {after:?} and {calls} calls");
            assert!(after < Duration::from_secs(1), "it counted after {after:?}");
        }
        replace(&guarded.tokens, &without);
        let refused = loop {
            if let Err(error) = replica.blocked().await {
                break error.to_string();
            }
        };
        assert!(refused.contains("certificate that is listed"), "{refused}");
    });
}

/// A new connection of a peer that offers these protocols, behind its handshake; an error if there was none.
fn greeted(
    guarded: &Guarded,
    protocols: &[&[u8]],
) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(guarded.authority.root().as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = config.with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let name = "localhost".try_into().unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let stream = TcpStream::connect(guarded.server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// The certificate that a new connection is shown.
fn shown_certificate(guarded: &Guarded) -> Vec<u8> {
    greeted(guarded, &[b"h2"]).unwrap().conn.peer_certificates().unwrap()[0].to_vec()
}

/// rustls lets pass who offers no protocol at all.
#[test]
fn a_peer_that_does_not_offer_http2_is_not_talked_to() {
    let guarded = Guarded::start();
    let talk = |protocols: &[&[u8]]| {
        let mut stream = greeted(&guarded, protocols)?;
        stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")?;
        stream.flush()?;
        stream.read(&mut [0; 9])
    };
    assert_eq!(talk(&[b"h2"]).unwrap(), 9, "the head of the server's settings");
    assert_eq!(talk(&[b"http/1.1", b"h2"]).unwrap(), 9);
    for protocols in [&[][..], &[&b"http/1.1"[..]], &[b"h2c"]] {
        let found = talk(protocols);
        assert!(found.as_ref().map_or(true, |read| *read == 0), "{protocols:?}: {found:?}");
    }
}

#[test]
fn certificates_rotate_while_no_call_fails_and_the_new_one_is_shown_within_a_second() {
    let rotations =
        if std::env::var("KINDRED_TIER").is_ok_and(|tier| tier == "full") { 100 } else { 10 };
    let guarded = Guarded::start();
    let (is_ended, calls, failed) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let target = guarded.lookups(Some("reader-secret"));
    let mut slowest = Duration::ZERO;
    thread::scope(|scope| {
        // One goes on over its connection, one connects anew for each call.
        scope.spawn(|| {
            block_on_long(async {
                let mut replica = Replica::connect(target.clone()).await.unwrap();
                while !is_ended.load(Ordering::Relaxed) {
                    count(&calls, &failed, replica.recommendations(asked()).await);
                }
            })
        });
        scope.spawn(|| {
            block_on_long(async {
                while !is_ended.load(Ordering::Relaxed) {
                    match Replica::connect(target.clone()).await {
                        Ok(mut replica) => {
                            count(&calls, &failed, replica.recommendations(asked()).await)
                        }
                        Err(error) => count(&calls, &failed, Err::<(), _>(error)),
                    }
                }
            })
        });
        for serial in 0..rotations {
            let next = guarded.authority.sign("localhost", 1_000 + serial);
            next.install(&guarded.shop.path("cert.pem"), &guarded.shop.path("key.pem"));
            let begin = Instant::now();
            let expected = CertificateDer::from_pem_slice(next.certificate.as_bytes()).unwrap();
            eventually(|| shown_certificate(&guarded), |shown| shown == expected.as_ref());
            slowest = slowest.max(begin.elapsed());
        }
        is_ended.store(true, Ordering::Relaxed);
    });
    let (calls, failed) = (calls.into_inner(), failed.into_inner());
    println!(
        "{rotations} rotations, {calls} calls, {failed} failed, the slowest after {slowest:?}"
    );
    assert!(failed == 0 && calls > rotations, "{failed} of {calls} calls failed");
    assert!(slowest < Duration::from_secs(1), "a new certificate was shown after {slowest:?}");
}

fn asked() -> pb::GetRecommendationsRequest {
    asking(&[CROSS_SELL], &["toy-car"])
}

fn count<T>(calls: &AtomicU64, failed: &AtomicU64, answer: Result<T, ClientError>) {
    calls.fetch_add(1, Ordering::Relaxed);
    if let Err(error) = answer {
        println!("failed: {error}");
        failed.fetch_add(1, Ordering::Relaxed);
    }
}

fn block_on_long<T>(future: impl Future<Output = T>) -> T {
    crate::calls::endlessly(future)
}
