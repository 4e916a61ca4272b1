//! Near-duplicates, within a set and across sets.

use super::figures::{count, name};
use super::pictures::Pictures;
use super::section::Section;
use crate::learn::{Features, Group, similar_groups};
use crate::report::Material;
use crate::text::counted;
use maud::{Markup, html};

/// The cosine from which photographs count as near-duplicates. Of the 9453 pairs of 138 different
/// photographs of star clusters none reaches it (the closest: 0.88). Of their copies it finds nine
/// in ten if brightened by a fifth, three in four if recompressed at quality 50, and two in five if
/// mirrored, halved or trimmed by a twentieth.
const LEAST: f64 = 0.9;
/// The most multiplications: beyond, comparing all pairs would take minutes.
const MOST_MULTIPLICATIONS: f64 = 6e10;
/// How many groups are shown, and how many photographs of each.
const MOST_GROUPS: usize = 24;
const MOST_MEMBERS: usize = 6;

pub(super) struct Similar<'a> {
    material: &'a Material<'a>,
    /// Those across sets first. `None` if there are too many photographs to compare.
    groups: Option<Vec<Group>>,
}

impl<'a> Similar<'a> {
    pub(super) fn of(material: &'a Material<'a>) -> Self {
        let (bottlenecks, rows) = (material.bottlenecks, material.rows);
        let n = rows.len() as f64;
        let mut similar = Self { material, groups: None };
        if n * n * bottlenecks.size as f64 / 2.0 <= MOST_MULTIPLICATIONS {
            let vectors = rows.iter().map(|&row| bottlenecks.row(row));
            let mut groups = similar_groups(&Features::new(bottlenecks.size, vectors), LEAST);
            groups.sort_by_key(|group| !similar.is_across_sets(group));
            similar.groups = Some(groups);
        }
        similar
    }

    fn is_across_sets(&self, group: &Group) -> bool {
        let sets = group.members.iter().map(|&i| self.material.outcome.photographs[i].set);
        let first = self.material.outcome.photographs[group.members[0]].set;
        sets.into_iter().any(|set| set != first)
    }
}

impl Section for Similar<'_> {
    fn id(&self) -> &'static str {
        "near-duplicates"
    }

    fn title(&self) -> &'static str {
        "Near-duplicates"
    }

    fn photographs(&self) -> Vec<usize> {
        let shown = self.groups.iter().flatten().take(MOST_GROUPS);
        shown.flat_map(|group| group.members.iter().copied().take(MOST_MEMBERS)).collect()
    }

    fn body(&self, pictures: &Pictures<'_>) -> Markup {
        let Some(groups) = &self.groups else {
            return html! {
                p { "Not looked for: there are too many photographs to compare each with each." }
            };
        };
        let across = groups.iter().filter(|group| self.is_across_sets(group)).count();
        html! {
            p {
                "Groups of photographs that look nearly the same to the network: "
                (count("near_duplicates/groups", groups.len()))
                ". Of these, with photographs in more than one set: "
                (count("near_duplicates/across", across)) "."
                @if across > 0 {
                    " What was tested on may have been learnt from: the accuracy is too high. Keep \
                     one of each group, or name them alike before " code { "_nohash_" }
                    ", which keeps them in one set."
                }
                @if groups.len() > MOST_GROUPS { " The first " (MOST_GROUPS) " are shown." }
            }
            @for group in groups.iter().take(MOST_GROUPS) { (self.group(group, pictures)) }
            p.reading {
                "Groups are linked by a cosine of " (LEAST) " or more between bottlenecks less \
                 their mean. This finds most copies that were brightened or recompressed, fewer of \
                 those that were mirrored, resized or trimmed, and sometimes photographs that are \
                 merely alike."
            }
        }
    }
}

impl Similar<'_> {
    fn group(&self, group: &Group, pictures: &Pictures<'_>) -> Markup {
        let outcome = self.material.outcome;
        let members = &group.members;
        html! {
            div.group {
                p.note {
                    (counted(members.len() as u64, "photograph"))
                    @if self.is_across_sets(group) { ", " strong { "across sets" } }
                    ", cosine up to " (format!("{:.3}", group.cosine))
                    @if members.len() > MOST_MEMBERS { "; the first " (MOST_MEMBERS) }
                }
                (pictures.gallery(members.iter().take(MOST_MEMBERS), |&i| i, |&i| html! {
                    span { (name(&outcome.labels[outcome.photographs[i].truth])) }
                    span { (outcome.photographs[i].set.name()) }
                }))
            }
        }
    }
}
