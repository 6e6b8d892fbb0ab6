//! Relation types, origins, stages, availability: the small closed words of the graph.

use std::fmt;

/// Why two products are linked: 1 to 9 are standard, 100 to 199 belong to the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelationType(u8);

impl RelationType {
    /// Goes with the seed; bought in addition to it.
    pub const CROSS_SELL: Self = Self(1);
    /// Replaces the seed at a higher value.
    pub const UP_SELL: Self = Self(2);
    /// Part of a set with the seed.
    pub const BUNDLE: Self = Self(3);
    /// Replaces the seed at a similar value.
    pub const ALTERNATIVE: Self = Self(4);
    /// Fits the seed as a replacement part.
    pub const SPARE_PART: Self = Self(5);
    /// Fits the seed as an addition.
    pub const ACCESSORY: Self = Self(6);
    /// Linked by the merchant without saying how.
    pub const RELATED: Self = Self(7);
    /// Replaces the seed with a better environmental grade.
    pub const ECO_ALTERNATIVE: Self = Self(8);
    /// Is used up by the seed.
    pub const CONSUMABLE: Self = Self(9);

    /// The type of this number, if the number is 1 to 9 or 100 to 199.
    #[must_use]
    pub const fn new(number: u8) -> Option<Self> {
        match number {
            1..=9 | 100..=199 => Some(Self(number)),
            _ => None,
        }
    }

    /// The type of a number on the wire.
    #[must_use]
    pub fn from_wire(number: i32) -> Option<Self> {
        u8::try_from(number).ok().and_then(Self::new)
    }

    /// 1 to 9 or 100 to 199.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }
}

/// A relation type as it is before a catalog says more.
#[derive(Clone, Copy, Debug)]
pub struct StandardType {
    /// Its number.
    pub relation_type: RelationType,
    /// `cross_sell`.
    pub code: &'static str,
    /// `Cross-sell`.
    pub display_name: &'static str,
    /// Incoming relations can be listed: what fits this product, what this part fits.
    pub reverse: bool,
    /// What other systems call it.
    pub source_codes: &'static [&'static str],
}

/// The nine standard types in the order of their numbers.
pub const STANDARD_TYPES: [StandardType; 9] = [
    standard(
        RelationType::CROSS_SELL,
        "cross_sell",
        "Cross-sell",
        false,
        &[
            "akeneo:X_SELL",
            "magento:crosssell",
            "salsify:Cross-Sell",
            "shopify:complementary_products",
            "woocommerce:cross_sell",
        ],
    ),
    standard(
        RelationType::UP_SELL,
        "up_sell",
        "Up-sell",
        false,
        &["akeneo:UPSELL", "magento:upsell", "salsify:Up-Sell", "woocommerce:upsell"],
    ),
    standard(RelationType::BUNDLE, "bundle", "Bundle", false, &["akeneo:PACK"]),
    standard(
        RelationType::ALTERNATIVE,
        "alternative",
        "Alternative",
        false,
        &["akeneo:SUBSTITUTION"],
    ),
    standard(RelationType::SPARE_PART, "spare_part", "Spare part", true, &["salsify:Part"]),
    standard(RelationType::ACCESSORY, "accessory", "Accessory", true, &["salsify:Accessory"]),
    standard(
        RelationType::RELATED,
        "related",
        "Related",
        false,
        &["magento:related", "salsify:Related Products", "shopify:related_products"],
    ),
    standard(RelationType::ECO_ALTERNATIVE, "eco_alternative", "Eco alternative", false, &[]),
    standard(RelationType::CONSUMABLE, "consumable", "Consumable", true, &[]),
];

const fn standard(
    relation_type: RelationType,
    code: &'static str,
    display_name: &'static str,
    reverse: bool,
    source_codes: &'static [&'static str],
) -> StandardType {
    StandardType { relation_type, code, display_name, reverse, source_codes }
}

/// Where a relation came from. Numbers are those of the wire and of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Origin {
    /// Set by a person.
    Curated = 1,
    /// Produced by a rule over product attributes.
    Rule = 2,
    /// Mined from orders.
    CoPurchase = 3,
    /// Produced by a model outside this server.
    Model = 4,
    /// Popularity list used as a last resort.
    Popular = 5,
    /// Mined from browsing.
    CoView = 6,
    /// Imported from a shop or PIM.
    Imported = 7,
}

impl Origin {
    /// Every origin in the order of its number.
    pub const ALL: [Self; 7] = [
        Self::Curated,
        Self::Rule,
        Self::CoPurchase,
        Self::Model,
        Self::Popular,
        Self::CoView,
        Self::Imported,
    ];

    /// The word in tables: `curated`, `co_purchase`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Curated => "curated",
            Self::Rule => "rule",
            Self::CoPurchase => "co_purchase",
            Self::Model => "model",
            Self::Popular => "popular",
            Self::CoView => "co_view",
            Self::Imported => "imported",
        }
    }

    /// The origin of this number.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| *origin as u8 == number)
    }

    /// The origin of this word.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.code() == code)
    }
}

/// State of stock. Numbers are those of the wire and of the file; 0 there means no reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Availability {
    /// Can be bought.
    InStock = 1,
    /// Can be bought, few are left.
    LowStock = 2,
    /// Can be ordered, comes later.
    Backorder = 3,
    /// Can be ordered before it appears.
    Preorder = 4,
    /// Cannot be bought now.
    OutOfStock = 5,
    /// Withdrawn for good.
    Discontinued = 6,
}

impl Availability {
    /// Every state in the order of its number.
    pub const ALL: [Self; 6] = [
        Self::InStock,
        Self::LowStock,
        Self::Backorder,
        Self::Preorder,
        Self::OutOfStock,
        Self::Discontinued,
    ];

    /// The word in tables: `in_stock`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::InStock => "in_stock",
            Self::LowStock => "low_stock",
            Self::Backorder => "backorder",
            Self::Preorder => "preorder",
            Self::OutOfStock => "out_of_stock",
            Self::Discontinued => "discontinued",
        }
    }

    /// The state of this number.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|state| *state as u8 == number)
    }

    /// The state of this word.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// Where the shopper stands. Numbers are those of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Stage {
    /// Home, category, search and content pages.
    Discovery = 1,
    /// Product detail page.
    Consideration = 2,
    /// Something was just put in the cart.
    PurchaseDecision = 3,
    /// Cart and checkout pages.
    Checkout = 4,
    /// Order confirmation, order mail, account pages.
    PostPurchase = 5,
}

impl Stage {
    /// Every stage in the order of its number.
    pub const ALL: [Self; 5] = [
        Self::Discovery,
        Self::Consideration,
        Self::PurchaseDecision,
        Self::Checkout,
        Self::PostPurchase,
    ];

    /// The word in tables: `purchase_decision`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Discovery => "discovery",
            Self::Consideration => "consideration",
            Self::PurchaseDecision => "purchase_decision",
            Self::Checkout => "checkout",
            Self::PostPurchase => "post_purchase",
        }
    }

    /// The stage of this word.
    #[must_use]
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stage| stage.code() == code)
    }
}

/// The stages a relation is meant for: bit `n - 1` for stage `n`. Empty means every stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageMask(u8);

impl StageMask {
    /// Every stage.
    pub const EVERY: Self = Self(0);

    /// The mask of these bits; bits beyond the five stages are dropped.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 0b1_1111)
    }

    /// Bit `n - 1` for stage `n`.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// This mask and one stage more.
    #[must_use]
    pub const fn with(self, stage: Stage) -> Self {
        Self(self.0 | 1 << (stage as u8 - 1))
    }

    /// The stages named, in order; none for every stage.
    pub fn stages(self) -> impl Iterator<Item = Stage> {
        Stage::ALL.into_iter().filter(move |stage| self.0 & 1 << (*stage as u8 - 1) != 0)
    }
}

impl fmt::Display for RelationType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match STANDARD_TYPES.iter().find(|standard| standard.relation_type == *self) {
            Some(standard) => f.write_str(standard.code),
            None => write!(f, "type {}", self.0),
        }
    }
}
