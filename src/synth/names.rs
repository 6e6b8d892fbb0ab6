//! Ids, brands, titles and category paths: formulas from a number to a text, each one distinct.

use super::{
    rng::{Rng, Stream, mix, permute},
    table::push_number,
};

/// Departments and what they sell. The length is also that of the leaves of one round.
const SHELVES: [(&str, [(&str, &str); 6]); 8] = [
    (
        "toys",
        [
            ("cars", "Car"),
            ("puzzles", "Puzzle"),
            ("dolls", "Doll"),
            ("board-games", "Board Game"),
            ("building-blocks", "Block Set"),
            ("plush", "Plush Bear"),
        ],
    ),
    (
        "kitchen",
        [
            ("pans", "Pan"),
            ("knives", "Knife"),
            ("kettles", "Kettle"),
            ("blenders", "Blender"),
            ("storage", "Storage Box"),
            ("cups", "Cup"),
        ],
    ),
    (
        "garden",
        [
            ("hoses", "Hose"),
            ("pruners", "Pruner"),
            ("planters", "Planter"),
            ("mowers", "Mower"),
            ("lights", "Garden Light"),
            ("benches", "Bench"),
        ],
    ),
    (
        "electronics",
        [
            ("phones", "Phone"),
            ("headphones", "Headphones"),
            ("cameras", "Camera"),
            ("printers", "Printer"),
            ("chargers", "Charger"),
            ("speakers", "Speaker"),
        ],
    ),
    (
        "sports",
        [
            ("shoes", "Shoe"),
            ("balls", "Ball"),
            ("rackets", "Racket"),
            ("tents", "Tent"),
            ("bottles", "Bottle"),
            ("mats", "Mat"),
        ],
    ),
    (
        "fashion",
        [
            ("shirts", "Shirt"),
            ("jackets", "Jacket"),
            ("trousers", "Trousers"),
            ("belts", "Belt"),
            ("scarves", "Scarf"),
            ("bags", "Bag"),
        ],
    ),
    (
        "tools",
        [
            ("drills", "Drill"),
            ("saws", "Saw"),
            ("screwdrivers", "Screwdriver"),
            ("sanders", "Sander"),
            ("clamps", "Clamp"),
            ("ladders", "Ladder"),
        ],
    ),
    (
        "home",
        [
            ("lamps", "Lamp"),
            ("chairs", "Chair"),
            ("shelves", "Shelf"),
            ("rugs", "Rug"),
            ("curtains", "Curtain"),
            ("clocks", "Clock"),
        ],
    ),
];

const LINES: [&str; 10] = [
    "classic", "compact", "outdoor", "premium", "junior", "studio", "travel", "eco", "smart",
    "heritage",
];

const MATERIALS: [&str; 10] =
    ["wood", "steel", "cotton", "glass", "bamboo", "ceramic", "felt", "cork", "copper", "rubber"];

/// Category paths that the words above can make without repeating one.
pub(super) const CATEGORIES_MAX: u64 =
    (SHELVES.len() * SHELVES[0].1.len() * LINES.len() * MATERIALS.len()) as u64;

const SYLLABLES: [&str; 20] = [
    "na", "lo", "ri", "ve", "ta", "mo", "si", "ka", "du", "fe", "bo", "le", "ju", "pa", "zi", "ro",
    "he", "mi", "go", "su",
];

const HEX: &[u8; 16] = b"0123456789abcdef";

/// What a category is called and sells.
#[derive(Clone, Debug)]
pub(super) struct CategoryName {
    /// Levels joined by `/`.
    pub(super) path: String,
    /// In titles: `Classic Wood Car`.
    pub(super) title: String,
}

/// The name of the category of this number, below [`CATEGORIES_MAX`]: two to four levels.
pub(super) fn category(number: u64) -> CategoryName {
    let (rest, (department, shelves)) = pick(number, &SHELVES);
    let (rest, (shelf, noun)) = pick(rest, shelves);
    let (rest, line) = pick(rest, &LINES);
    let (_, material) = pick(rest, &MATERIALS);
    let path = match number % 3 {
        0 => format!("{department}/{line}-{material}-{shelf}"),
        1 => format!("{department}/{shelf}/{line}-{material}"),
        _ => format!("{department}/{shelf}/{line}/{material}"),
    };
    CategoryName { path, title: format!("{} {} {noun}", capital(line), capital(material)) }
}

/// Appends the id of a brand: syllables that spell its number.
pub(super) fn push_brand(buffer: &mut Vec<u8>, number: u64) {
    let start = buffer.len();
    // Three syllables spell 8,000 names; 2,749 shares no factor with it and keeps neighbours apart.
    let (mut rest, syllable_count) =
        if number < 8_000 { ((3_571 + number * 2_749) % 8_000, 3) } else { (number, 4) };
    for _ in 0..syllable_count {
        let syllable;
        (rest, syllable) = pick(rest, &SYLLABLES);
        buffer.extend_from_slice(syllable.as_bytes());
    }
    buffer[start].make_ascii_uppercase();
}

/// How product ids look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IdShape {
    /// `sku-9f03ab17`.
    Sku,
    /// `9f03ab17-52f1-4c8e-9d03-0123456789ab`.
    Uuid,
}

impl IdShape {
    /// Appends the id of a product. The first eight digits alone tell any two products apart.
    pub(super) fn push(self, buffer: &mut Vec<u8>, seed: u64, product: u64) {
        let first = u64::from(scrambled(seed, Stream::Id, product));
        match self {
            Self::Sku => {
                buffer.extend_from_slice(b"sku-");
                push_hex(buffer, first, 8);
            }
            Self::Uuid => {
                let mut rng = Rng::new(seed, Stream::Id, product);
                let (middle, last) = (rng.next(), rng.next());
                push_hex(buffer, first, 8);
                buffer.push(b'-');
                push_hex(buffer, middle, 4);
                buffer.extend_from_slice(b"-4");
                push_hex(buffer, middle >> 16, 3);
                buffer.push(b'-');
                push_hex(buffer, 0x8 | middle >> 28 & 0x3, 1);
                push_hex(buffer, middle >> 30, 3);
                buffer.push(b'-');
                push_hex(buffer, last, 12);
            }
        }
    }
}

/// Appends an article number of 13 digits, the last one its check digit.
pub(super) fn push_article_number(buffer: &mut Vec<u8>, seed: u64, product: u64) {
    let start = buffer.len();
    // Numbers from 20 on are for use inside a shop, so these name nothing in the real world.
    buffer.extend_from_slice(b"20");
    push_number(buffer, u64::from(scrambled(seed, Stream::Alias, product)), 10);
    let weighted = |(place, digit): (usize, &u8)| {
        u64::from(digit - b'0') * if place.is_multiple_of(2) { 1 } else { 3 }
    };
    let sum: u64 = buffer[start..].iter().enumerate().map(weighted).sum();
    push_number(buffer, (10 - sum % 10) % 10, 1);
}

/// A 32-bit number that no other product has in this stream.
fn scrambled(seed: u64, stream: Stream, product: u64) -> u32 {
    let product = u32::try_from(product).expect("a spec counts products in 32 bits");
    let [.., a, b, c, d] = mix(seed ^ (stream as u64) << 56).to_le_bytes();
    permute(product, u32::from_le_bytes([a, b, c, d]))
}

fn push_hex(buffer: &mut Vec<u8>, number: u64, digits: u32) {
    for digit in (0..digits).rev() {
        buffer.push(HEX[(number >> (4 * digit) & 0xf) as usize]);
    }
}

/// The lowest digit of `number` in base `words.len()` as a word, and the rest.
fn pick<T>(number: u64, words: &[T]) -> (u64, &T) {
    let base = words.len() as u64;
    let place = usize::try_from(number % base).expect("a place in a slice");
    (number / base, &words[place])
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}
