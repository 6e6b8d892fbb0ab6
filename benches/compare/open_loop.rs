//! Goal 8: latency at a fixed rate, each call from its intended start, beside the echo.

use std::{fs::File, io::Write as _, num::NonZeroU32, sync::Arc, time::Duration};

use kindred::load::{self, Asked, Options, RateReport, Schedule};

use crate::{
    Run, child::Server, client::Connections, duel::Spread, figure::Figure, peers::Peer, shop::Shop,
};

const CALLS_PER_S: u32 = 10_000;

/// p50 and p99 as ratios, and the p99 itself.
pub(crate) fn goal(run: &Run, shop: &Shop) -> Vec<Figure> {
    let on = &run.asker;
    let kindred = shop.kindred(on, 1, &run.cores.server);
    let frames = shop.requests();
    let reply =
        Connections::open(on, kindred.address, (1, 1), frames.clone()).answer(on, &frames[0]);
    let file = run.dir.join("open-loop.reply");
    File::create(&file).and_then(|mut file| file.write_all(&reply)).unwrap();
    let echo = shop.peer(on, Peer::EchoStructs(&file), &run.cores.server);

    let ids = shop.asked().into_iter().map(|ordinal| shop.id(ordinal)).collect();
    let asked = Arc::new(Asked::products(vec![shop.lookup(0)], ids, 1).unwrap());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for cycle in 0..run.cycles {
        // Who comes first changes.
        if cycle % 2 == 0 {
            ours.push(measure(&kindred, &asked));
            theirs.push(measure(&echo, &asked));
        } else {
            theirs.push(measure(&echo, &asked));
            ours.push(measure(&kindred, &asked));
        }
    }
    let ratio = |figure: fn(&RateReport) -> f64| {
        Spread::of(ours.iter().zip(&theirs).map(|(our, their)| figure(our) / figure(their)))
    };
    let p50 = |report: &RateReport| report.latency_us.p50 as f64;
    let p99 = |report: &RateReport| report.latency_us.p99 as f64;
    let failed = ours.iter().map(|report| report.planned - report.ok).sum::<u64>();
    let middle = Spread::of(ours.iter().map(p50)).median;
    vec![
        Figure::less("8a", "open loop 10 k/s, p50 / that of the echo")
            .floor(1.1)
            .measured(ratio(p50))
            .note(format!("p50 {middle:.0} us, {failed} failed")),
        Figure::less("8b", "open loop 10 k/s, p99 / that of the echo")
            .floor(1.2)
            .measured(ratio(p99)),
        Figure::less("8c", "open loop 10 k/s, p99 in us")
            .aim(1_000.0)
            .measured(Spread::of(ours.iter().map(p99))),
    ]
}

fn measure(server: &Server, asked: &Arc<Asked>) -> RateReport {
    let schedule = Schedule {
        units_per_s: NonZeroU32::new(CALLS_PER_S).unwrap(),
        units_per_call: NonZeroU32::MIN,
        warm_up_s: 0,
        measured_s: 1,
    };
    let wait = Duration::from_secs(5);
    let options = Options {
        connections: 10,
        threads: 1,
        in_flight_max: 1_000,
        call_wait: wait,
        drain_wait: wait,
    };
    load::run(&server.address.to_string().as_str().into(), asked, schedule, None, options).unwrap()
}
