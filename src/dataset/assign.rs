//! The split: which set each photograph is in.

use super::candidate::{Candidate, Class};
use super::lists::{LabelLists, Listed};
use super::split::{Category, Split, SplitKey, category_of, hash_name};
use super::split_file::SplitFile;
use crate::error::{Error, Result};
use crate::parallel;
use crate::text::one_line;
use std::collections::HashMap;
use std::path::Path;

/// Splits the photographs of all classes into sets. `place` is where they come from.
pub(super) fn split(classes: Vec<Class>, split: &Split, place: &Path) -> Result<Vec<LabelLists>> {
    let all: Vec<&Candidate> = classes.iter().flat_map(|class| &class.photographs).collect();
    let file = split.split_file.as_deref().map(SplitFile::open).transpose()?;
    let mut sets: Vec<Option<Category>> = match &file {
        Some(file) if file.is_there() => {
            if all.iter().any(|candidate| candidate.set.is_some()) {
                let message = "cannot decide the sets that the column 'set' of the catalogue \
                               decides; leave it out, or use `image_list_columns=set=`";
                return Err(Error::usage("split_file", message));
            }
            file.sets(&all)?.into_iter().map(Some).collect()
        }
        _ => all.iter().map(|candidate| candidate.set).collect(),
    };
    keep_groups_together(&all, &mut sets, place)?;
    let keys = keys(&all, split.split_key);
    let decided = sets.into_iter().zip(&all).zip(&keys).map(|((set, candidate), key)| {
        let path = candidate.photograph.path().as_os_str().as_encoded_bytes();
        let (testing, validation) = (split.testing_percentage, split.validation_percentage);
        let hashed = || category_of(key.as_deref().unwrap_or(path), testing, validation);
        set.unwrap_or_else(hashed)
    });
    let decided: Vec<Category> = decided.collect();
    if let Some(file) = file.filter(|file| !file.is_there()) {
        file.write(&all, &decided)?;
    }
    Ok(lists(classes, decided.into_iter().zip(keys)))
}

fn keys(all: &[&Candidate], key: SplitKey) -> Vec<Option<Vec<u8>>> {
    match key {
        // These are files to read.
        SplitKey::Content => parallel::map(all.len(), |i| all[i].key(key)),
        _ => all.iter().map(|candidate| candidate.key(key)).collect(),
    }
}

fn lists(
    classes: Vec<Class>,
    mut decided: impl Iterator<Item = (Category, Option<Vec<u8>>)>,
) -> Vec<LabelLists> {
    let mut labels = Vec::new();
    for Class { label, dir, photographs } in classes {
        let mut lists = LabelLists::new(label, dir);
        for (candidate, (set, key)) in photographs.into_iter().zip(&mut decided) {
            let Candidate { photograph, weight, .. } = candidate;
            let group = key.map(|key| hash_name(&key).into());
            lists.push(set, Listed { photograph, weight, group });
        }
        labels.push(lists);
    }
    labels
}

/// Photographs of a group whose set is not said follow those whose set is.
///
/// # Errors
/// If a group is in two sets.
fn keep_groups_together(
    all: &[&Candidate],
    sets: &mut [Option<Category>],
    place: &Path,
) -> Result<()> {
    let mut of_group: HashMap<&str, Category> = HashMap::new();
    for (candidate, set) in all.iter().zip(sets.iter()) {
        let (Some(group), Some(set)) = (&candidate.group, set) else { continue };
        let first = *of_group.entry(group).or_insert(*set);
        if first != *set {
            let [a, b] = [first, *set].map(Category::name);
            let message = format!(
                "the group '{}' is in two sets, {a} and {b}; put all its photographs into one, or \
                 leave the set empty: it is then the same for all",
                one_line(group)
            );
            return Err(Error::input(place, message));
        }
    }
    for (candidate, set) in all.iter().zip(sets) {
        let group = candidate.group.as_deref();
        *set = set.or_else(|| of_group.get(group?).copied());
    }
    Ok(())
}
