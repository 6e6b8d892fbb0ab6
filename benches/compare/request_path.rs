//! Goals 1 to 5: what a call costs the server, against servers that do less or do it another way.

use std::fs;

use bytes::Bytes;
use kindred::pb::GetRecommendationsResponse;
use prost::Message as _;

use crate::{
    Run,
    child::Server,
    client::{Connections, Frames, Loop},
    duel::{Asker, Burst, Side, Spread, duel, per_core, per_second},
    figure::Figure,
    peers::Peer,
    shop::Shop,
};

/// Connections and streams on each.
type Lanes = (usize, usize);

/// Goals 1 and 3, or 2 and 3 at ten million products.
pub(crate) fn one_core(run: &Run, shop: &Shop, names: &Names) -> Vec<Figure> {
    let on = &run.asker;
    let frames = shop.requests();
    let kindred = shop.kindred(on, 1, &run.cores.server);
    let structs = shop.peer(on, Peer::Structs(&shop.store()), &run.cores.server);
    let reply = typical_reply(on, [&kindred, &structs], &frames);
    let file = run.dir.join(format!("{}.reply", shop.name));
    fs::File::create(&file)
        .and_then(|mut file| std::io::Write::write_all(&mut file, &reply))
        .unwrap();
    let echo = shop.peer(on, Peer::Echo(&file), &run.cores.server);
    let echo_structs = shop.peer(on, Peer::EchoStructs(&file), &run.cores.server);

    let servers = [&kindred, &echo_structs, &echo, &structs];
    let bursts = grpc_duel(run, &servers, (10, 10), &frames);
    let [ours, echo_structs, echo, structs] = bursts.as_slice() else { unreachable!() };
    let note = format!(
        "{} B a reply; CPU us a call: {:.1} ours, {:.1} echo, {:.1} echo of bytes, {:.1} structs; rps ratio {:.2}",
        reply.len(),
        cpu_us(ours),
        cpu_us(echo_structs),
        cpu_us(echo),
        cpu_us(structs),
        per_second(ours, echo_structs).median,
    );
    let size = &shop.name;
    let mut figures = vec![
        names
            .whole(format!("lookup / stock tonic prost echo, calls per core, 10x10, {size}"))
            .measured(per_core(ours, echo_structs))
            .note(note),
        Figure::more(names.bytes, format!("the same / echo of a bytes field, {size}"))
            .measured(per_core(ours, echo)),
    ];
    if let Some(floor) = names.structs_floor {
        figures.push(
            Figure::more(
                names.structs,
                format!("the same / the same index through prost structs, {size}"),
            )
            .floor(floor)
            .measured(per_core(ours, structs)),
        );
    }
    figures
}

/// CPU time of the server, microseconds a call.
pub(crate) fn cpu_us(bursts: &[Burst]) -> f64 {
    1e6 / Spread::of(bursts.iter().map(Burst::calls_per_core_s)).median
}

/// How the figures of one size are called.
pub(crate) struct Names {
    pub(crate) goal: &'static str,
    pub(crate) floor: Option<(f64, f64)>,
    pub(crate) bytes: &'static str,
    pub(crate) structs: &'static str,
    pub(crate) structs_floor: Option<f64>,
}

impl Names {
    /// What would have been measured.
    pub(crate) fn unmeasured(&self) -> Vec<Figure> {
        let size = "10 M, with --full";
        let mut figures = vec![self.whole(format!("lookup / stock tonic prost echo, {size}"))];
        if let Some(floor) = self.structs_floor {
            let what = format!("lookup / the same index through prost structs, {size}");
            figures.push(Figure::more(self.structs, what).floor(floor));
        }
        figures
    }

    fn whole(&self, what: String) -> Figure {
        let figure = Figure::more(self.goal, what);
        match self.floor {
            Some((floor, aim)) => figure.floor(floor).aim(aim),
            None => figure,
        }
    }
}

/// An answer of 20 results; both servers must give the same ones.
fn typical_reply(on: &Loop, servers: [&Server; 2], frames: &Frames) -> Bytes {
    let askers =
        servers.map(|server| Connections::open(on, server.address, (1, 1), frames.clone()));
    let mut typical = None;
    for frame in frames.iter().take(200) {
        let [ours, theirs] = [0, 1].map(|place| askers[place].answer(on, frame));
        assert_eq!(ours, theirs, "both servers answer from the same catalog and stock");
        let found = GetRecommendationsResponse::decode(ours.clone()).unwrap().recommendations.len();
        if found == 20 && typical.is_none() {
            typical = Some(ours);
        }
    }
    typical.expect("one of 200 products has 20 results")
}

pub(crate) fn grpc_duel(
    run: &Run,
    servers: &[&Server],
    lanes: Lanes,
    frames: &Frames,
) -> Vec<Vec<Burst>> {
    let on = &run.asker;
    let mut sides = servers
        .iter()
        .map(|server| Side {
            server,
            asker: Asker::Grpc(Connections::open(on, server.address, lanes, frames.clone())),
        })
        .collect::<Vec<_>>();
    duel(on, &mut sides, run.cycles)
}

/// Goal 5: at few and many connections, on all cores, which the asker shares.
pub(crate) fn runtimes(run: &Run, shop: &Shop) -> Vec<Figure> {
    let on = &run.asker;
    let frames = shop.requests();
    let ours = shop.kindred(on, 2, &run.cores.all);
    let theirs = shop.peer(on, Peer::TwoThreads(&shop.store()), &run.cores.all);
    let lanes: [(&str, Lanes, f64, f64); 4] = [
        ("5a", (2, 4), 0.94, 1.0),
        ("5b", (8, 4), 0.94, 1.0),
        ("5c", (32, 4), 1.3, 1.4),
        ("5d", (64, 1), 0.94, 1.0),
    ];
    let figure = |(goal, lanes, floor, aim): (&'static str, Lanes, f64, f64)| {
        let bursts = grpc_duel(run, &[&ours, &theirs], lanes, &frames);
        let (connections, streams) = lanes;
        let what = format!("our runtimes / multi_thread(2), calls/s, {connections}x{streams}");
        let cpu = per_core(&bursts[0], &bursts[1]).median;
        Figure::more(goal, what)
            .floor(floor)
            .aim(aim)
            .measured(per_second(&bursts[0], &bursts[1]))
            .note(format!("per CPU second {cpu:.2}"))
    };
    crate::child::pin(&run.cores.all);
    let figures = lanes.map(figure).into();
    crate::child::pin(&run.cores.asker);
    figures
}
