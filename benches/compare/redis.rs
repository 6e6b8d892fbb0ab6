//! Goal 4: Redis with a precomputed list, and Redis that filters by stock itself.

use std::{
    net::{SocketAddr, TcpListener},
    process::Command,
    rc::Rc,
};

use bytes::Bytes;

use crate::{
    Run,
    child::Server,
    client::Connections,
    duel::{Asker, BURST, Side, duel, per_core},
    figure::Figure,
    layout::sold_out::is_sold_out,
    request_path::cpu_us,
    resp::{Clients, command},
    shop::Shop,
};

const CONNECTIONS: usize = 50;
const STREAMS: usize = 10;

/// The first 20 of a list that are not sold out.
const FILTER: &str = "local ids = redis.call('LRANGE', KEYS[1], 0, -1) \
    local out = redis.call('SMISMEMBER', 'out', unpack(ids)) \
    local found = {} \
    for i = 1, #ids do if out[i] == 0 then found[#found + 1] = ids[i] \
    if #found == 20 then break end end end \
    return found";

/// Both figures; not measured where there is no Redis.
pub(crate) fn goals(run: &Run, shop: &Shop) -> Vec<Figure> {
    let get = Figure::more(
        "4a",
        "lookup 50x10 / Redis GET of a list of that size, 50 connections, calls per core",
    )
    .floor(0.80)
    .aim(1.0);
    let filter = Figure::more(
        "4b",
        "lookup 50x10 / Redis filtering 30 by a set in Lua, 50 connections, calls per core",
    )
    .floor(1.5);
    let Some(redis) = start(run) else {
        println!("skipped: goal 4, redis-server is not installed");
        return vec![get, filter];
    };
    let on = &run.asker;
    let kindred = shop.kindred(on, 1, &run.cores.server);
    let frames = shop.requests();
    let reply =
        Connections::open(on, kindred.address, (1, 1), frames.clone()).answer(on, &frames[0]);
    let ordinals = shop.asked();
    fill(run, shop, &redis, &ordinals, &reply);
    let sha = Clients::fill(
        on,
        redis.address,
        [command([b"SCRIPT", b"LOAD", FILTER.as_bytes()])].into_iter(),
    );
    let sha = sha.slice(5..45);

    let ids = || ordinals.iter().map(|ordinal| shop.id(*ordinal));
    let gets = ids().map(|id| command([b"GET", id.as_bytes()])).collect::<Rc<[Bytes]>>();
    let filters = ids().map(|id| command([b"EVALSHA", &sha, b"1", format!("l:{id}").as_bytes()]));
    let filters = filters.collect::<Rc<[Bytes]>>();
    let clients = |commands: Rc<[Bytes]>| Clients::open(on, redis.address, CONNECTIONS, commands);
    let mut sides = [
        Side {
            server: &kindred,
            asker: Asker::Grpc(Connections::open(
                on,
                kindred.address,
                (CONNECTIONS, STREAMS),
                frames,
            )),
        },
        Side { server: &redis, asker: Asker::Resp(clients(gets)) },
        Side { server: &redis, asker: Asker::Resp(clients(filters)) },
    ];
    let bursts = duel(on, &mut sides, run.cycles);
    let note = format!(
        "CPU us a call: {:.1} ours, {:.1} GET, {:.1} Lua; bursts of {BURST:?}",
        cpu_us(&bursts[0]),
        cpu_us(&bursts[1]),
        cpu_us(&bursts[2])
    );
    vec![
        get.measured(per_core(&bursts[0], &bursts[1])).note(note),
        filter.measured(per_core(&bursts[0], &bursts[2])),
    ]
}

/// A Redis on a free port that keeps nothing on disk; nothing if there is no such program.
fn start(run: &Run) -> Option<Server> {
    Command::new("redis-server").arg("--version").output().ok()?;
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"]);
    command.arg(port.to_string()).arg("--dir").arg(&run.dir);
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    Some(Server::start_at(&mut command, address, &run.cores.server))
}

/// The lists of the products that are asked for, and all products that are sold out.
fn fill(run: &Run, shop: &Shop, redis: &Server, ordinals: &[u32], reply: &Bytes) {
    let values =
        ordinals.iter().map(|ordinal| command([b"SET", shop.id(*ordinal).as_bytes(), reply]));
    let lists = ordinals.iter().flat_map(|ordinal| {
        let key = format!("l:{}", shop.id(*ordinal));
        // Asked for twice, it is filled twice: its length must stay.
        let empty = command([b"DEL", key.as_bytes()]);
        let push = move |id: String| command([b"RPUSH", key.as_bytes(), id.as_bytes()]);
        std::iter::once(empty).chain(shop.targets(*ordinal).map(push))
    });
    let out = (0..shop.shape.products).filter(|ordinal| is_sold_out(*ordinal));
    let out = out.map(|ordinal| command([b"SADD", b"out", shop.id(ordinal).as_bytes()]));
    Clients::fill(&run.asker, redis.address, values.chain(lists).chain(out));
}
