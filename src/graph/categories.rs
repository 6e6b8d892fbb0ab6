//! Category paths as a tree whose numbers make "is below" a comparison.

use std::collections::BTreeSet;

use super::intern::{index, number};
use crate::model::limits::{CATEGORY_DEPTH_MAX, CATEGORY_PATH_BYTES_MAX, ID_BYTES_MAX};

/// A category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Category {
    /// The last level of its path.
    pub name: String,
    /// The category above it.
    pub parent: Option<u32>,
    /// One past the last category below it.
    pub end: u32,
}

/// Categories in pre-order, children sorted by name: `x` is `a` or below it if `a <= x < end(a)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CategoryTree {
    nodes: Vec<Category>,
}

impl CategoryTree {
    /// The tree of these normal paths and all paths above them.
    pub(super) fn new<'a>(paths: impl Iterator<Item = &'a str>) -> Self {
        let mut all = BTreeSet::new();
        for path in paths {
            let levels = path.split('/').collect::<Vec<_>>();
            for depth in 1..=levels.len() {
                all.insert(levels[..depth].to_vec());
            }
        }
        let mut nodes: Vec<Category> = Vec::with_capacity(all.len());
        let mut above: Vec<u32> = Vec::new();
        for levels in &all {
            let id = number(nodes.len());
            above.truncate(levels.len() - 1);
            let parent = above.last().copied();
            above.push(id);
            let name = levels[levels.len() - 1].to_owned();
            nodes.push(Category { name, parent, end: id + 1 });
        }
        for id in (0..nodes.len()).rev() {
            if let Some(parent) = nodes[id].parent {
                let end = nodes[id].end;
                let parent_end = &mut nodes[index(parent)].end;
                *parent_end = end.max(*parent_end);
            }
        }
        Self { nodes }
    }

    /// The categories by number.
    #[must_use]
    pub fn nodes(&self) -> &[Category] {
        &self.nodes
    }

    /// Is `category` the category `ancestor` or below it?
    #[must_use]
    pub fn is_within(&self, category: u32, ancestor: u32) -> bool {
        (ancestor..self.nodes[index(ancestor)].end).contains(&category)
    }

    /// The id text of a category: its full path joined by `/`.
    #[must_use]
    pub fn path(&self, category: u32) -> String {
        let node = &self.nodes[index(category)];
        node.parent.map_or_else(
            || node.name.clone(),
            |parent| format!("{}/{}", self.path(parent), node.name),
        )
    }

    /// The category of a normal path.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<u32> {
        let mut levels = path.split('/');
        let mut found = self.find_child(0, number(self.nodes.len()), levels.next()?)?;
        for level in levels {
            found = self.find_child(found + 1, self.nodes[index(found)].end, level)?;
        }
        Some(found)
    }

    /// The sibling of this name, from the first sibling on.
    fn find_child(&self, first: u32, end: u32, name: &str) -> Option<u32> {
        let mut child = first;
        while child < end {
            let node = &self.nodes[index(child)];
            if node.name == name {
                return Some(child);
            }
            child = node.end;
        }
        None
    }
}

/// The path with trimmed levels and without empty ones; empty if nothing is left.
///
/// # Errors
/// Says what was expected and found.
pub(super) fn normal_path(path: &str) -> Result<String, String> {
    let levels: Vec<_> = path.split('/').map(str::trim).filter(|level| !level.is_empty()).collect();
    if levels.len() > CATEGORY_DEPTH_MAX {
        return Err(format!(
            "expected at most {CATEGORY_DEPTH_MAX} levels, found {}",
            levels.len()
        ));
    }
    if let Some(level) = levels.iter().find(|level| level.len() > ID_BYTES_MAX) {
        return Err(format!(
            "expected levels of at most {ID_BYTES_MAX} bytes, found one of {}",
            level.len()
        ));
    }
    let joined = levels.join("/");
    if joined.len() > CATEGORY_PATH_BYTES_MAX {
        return Err(format!(
            "expected at most {CATEGORY_PATH_BYTES_MAX} bytes, found {}",
            joined.len()
        ));
    }
    Ok(joined)
}
