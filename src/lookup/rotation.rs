//! Turns by visitor and day: an order that anybody can compute again.

use xxhash_rust::xxh3::xxh3_64;

use super::{
    answer::Pick,
    interval::Interval,
    plan::Plan,
    scene::{Context, Scene},
};

const SECONDS_PER_DAY: i64 = 86_400;
/// No text holds this byte, so it ends each part of what is hashed.
const END: u8 = 0xff;

/// Working memory of rotations.
#[derive(Debug, Default)]
pub(super) struct Rotation {
    /// What is hashed.
    text: Vec<u8>,
    hashed: Vec<(u64, Pick)>,
}

impl Rotation {
    /// Puts picks into the order of this visitor and day.
    pub(super) fn turn(
        &mut self,
        scene: &Scene<'_>,
        context: &Context<'_>,
        plan: &Plan<'_>,
        picks: &mut [Pick],
        interval: &mut Interval,
    ) {
        let day = context.at_s.div_euclid(SECONDS_PER_DAY);
        let midnight = day.saturating_mul(SECONDS_PER_DAY);
        interval.meet(midnight, context.at_s);
        interval.meet(midnight.saturating_add(SECONDS_PER_DAY), context.at_s);

        self.text.clear();
        self.text.extend_from_slice(context.visitor.as_bytes());
        self.text.push(END);
        self.text.extend_from_slice(plan.placement().unwrap_or_default().as_bytes());
        self.text.push(END);
        self.text.extend_from_slice(&day.to_le_bytes());
        self.text.push(END);
        let prefix = self.text.len();
        self.hashed.clear();
        for pick in picks.iter() {
            self.text.truncate(prefix);
            self.text.extend_from_slice(scene.view.id_bytes(pick.product));
            self.hashed.push((xxh3_64(&self.text), *pick));
        }
        self.hashed.sort_unstable_by_key(|(hash, pick)| (*hash, pick.product));
        for (place, (_, pick)) in picks.iter_mut().zip(&self.hashed) {
            *place = *pick;
        }
    }
}
