//! Reads the sources of a crate off their tokens: what each file uses, by `use` declarations and by
//! paths in code and in attributes, and which of these arrows are not allowed.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use walkdir::WalkDir;

/// How far re-exports of re-exports are followed.
const DEEPEST: usize = 8;

/// A path that a file uses, or brings into scope under a name.
struct Reference {
    /// The module it stands in.
    scope: Vec<String>,
    path: Vec<String>,
    line: usize,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Use,
    /// `pub use`: what is of the file's own modules is passed on, not used.
    PublicUse,
    Code,
}

/// A file and what it uses.
struct Source {
    file: String,
    module: Vec<String>,
    references: Vec<Reference>,
    /// The names that `use` brings into scope, each with the index of its reference.
    imports: BTreeMap<String, usize>,
}

impl Source {
    fn read(file: String, module: Vec<String>, text: &str) -> Self {
        let tokens: TokenStream = text.parse().unwrap_or_else(|e| panic!("{file}: {e}"));
        let (references, imports) = (Vec::new(), BTreeMap::new());
        let mut source = Self { file, module, references, imports };
        let scope = source.module.clone();
        source.walk(tokens, &scope);
        source
    }

    fn walk(&mut self, tokens: TokenStream, scope: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let (mut at, mut kind) = (0, Kind::Use);
        while let Some(token) = tokens.get(at) {
            at += 1;
            let before = std::mem::replace(&mut kind, Kind::Use);
            let TokenTree::Ident(word) = token else {
                if let TokenTree::Group(group) = token {
                    self.walk(group.stream(), scope);
                }
                continue;
            };
            match word.to_string().as_str() {
                "pub" => {
                    kind = Kind::PublicUse;
                    // The path in `pub(in crate::model)` is no use.
                    at += usize::from(group(tokens.get(at), Delimiter::Parenthesis).is_some());
                }
                // Not the bound `use<'a>`.
                "use" if !is_punct(tokens.get(at), '<') => {
                    let end = tokens[at..].iter().position(|t| is_punct(Some(t), ';')).unwrap();
                    self.use_tree(&tokens[at..at + end], Vec::new(), scope, before);
                    at += end;
                }
                "mod" => {
                    if let Some(body) = group(tokens.get(at + 1), Delimiter::Brace) {
                        self.walk(body, &[scope, &[tokens[at].to_string()]].concat());
                    }
                    at += 2;
                }
                _ => at = self.path(&tokens, at - 1, word, scope),
            }
        }
    }

    /// Takes a path in code, and returns where it ends.
    fn path(&mut self, tokens: &[TokenTree], at: usize, word: &Ident, scope: &[String]) -> usize {
        let mut path = vec![word.to_string()];
        let mut end = at + 1;
        while let Some(next) = after_colons(tokens, end) {
            path.push(next.to_string());
            end += 3;
        }
        if !is_member(&tokens[..at]) {
            self.add(path, word, scope, Kind::Code);
        }
        end
    }

    /// Takes `a::{b, c as d, e::*}` apart.
    fn use_tree(&mut self, tree: &[TokenTree], before: Vec<String>, scope: &[String], kind: Kind) {
        let (mut path, mut name, mut first) = (before, None, None);
        for (at, token) in tree.iter().enumerate() {
            match token {
                TokenTree::Ident(word) if word == "as" => {
                    name = tree.get(at + 1).map(ToString::to_string);
                    break;
                }
                TokenTree::Ident(word) => {
                    path.push(word.to_string());
                    first = first.or(Some(word));
                }
                TokenTree::Group(group) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    for part in inner.split(|t| is_punct(Some(t), ',')) {
                        self.use_tree(part, path.clone(), scope, kind);
                    }
                    return;
                }
                _ => {}
            }
        }
        let Some(word) = first else { return };
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = name.or_else(|| path.last().cloned()).unwrap_or_default();
        self.imports.insert(name, self.references.len());
        self.add(path, word, scope, kind);
    }

    fn add(&mut self, path: Vec<String>, word: &Ident, scope: &[String], kind: Kind) {
        let line = word.span().start().line;
        self.references.push(Reference { scope: scope.to_vec(), path, line, kind });
    }
}

fn is_punct(token: Option<&TokenTree>, c: char) -> bool {
    matches!(token, Some(TokenTree::Punct(p)) if p.as_char() == c)
}

fn group(token: Option<&TokenTree>, delimiter: Delimiter) -> Option<TokenStream> {
    match token {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group.stream()),
        _ => None,
    }
}

/// Whether a word after `before` begins no path: the `b` of `a.b`, of `<a>::b` and of `::b`.
fn is_member(before: &[TokenTree]) -> bool {
    let ends_in = |c, count| {
        before.len() >= count && before.iter().rev().take(count).all(|t| is_punct(Some(t), c))
    };
    ends_in(':', 2) || (ends_in('.', 1) && !ends_in('.', 2))
}

/// The word after `::` at `at`.
fn after_colons(tokens: &[TokenTree], at: usize) -> Option<&Ident> {
    match tokens.get(at + 2) {
        Some(TokenTree::Ident(word)) if (at..at + 2).all(|i| is_punct(tokens.get(i), ':')) => {
            Some(word)
        }
        _ => None,
    }
}

/// All files by their modules; those of a program begin with `bin` and its name.
struct House(BTreeMap<Vec<String>, Source>);

impl House {
    /// Reads all files below `src`. Properties for fuzzers stand outside.
    fn read(src: &Path) -> Self {
        let files = WalkDir::new(src).into_iter().map(Result::unwrap);
        let rust = files.filter(|f| f.path().extension().is_some_and(|e| e == "rs"));
        let sources = rust.filter(|f| f.file_name() != "fuzzing.rs").map(|file| {
            let path = file.path().strip_prefix(src).unwrap();
            let parts = path.with_extension("");
            let mut module: Vec<String> =
                parts.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
            if ["mod", "lib", "main"].contains(&module.last().unwrap().as_str()) {
                module.pop();
            }
            let text = fs::read_to_string(file.path()).unwrap();
            let name = Path::new("src").join(path).display().to_string();
            (module.clone(), Source::read(name, module, &text))
        });
        Self(sources.collect())
    }

    /// A path from the root, if it is one within the house.
    fn absolute(&self, source: &Source, reference: &Reference, deep: usize) -> Option<Vec<String>> {
        let in_program = source.module.first().is_some_and(|m| m == "bin");
        let (first, rest) = reference.path.split_first()?;
        let start = match first.as_str() {
            "crate" => source.module[..if in_program { 2 } else { 0 }].to_vec(),
            "self" => reference.scope.clone(),
            "super" => {
                let ups = reference.path.iter().take_while(|p| *p == "super").count();
                let scope = &reference.scope;
                let start = &scope[..scope.len().saturating_sub(ups)];
                return Some([start, &reference.path[ups..]].concat());
            }
            "retrain" if in_program => Vec::new(),
            _ => {
                let child = [&source.module[..], std::slice::from_ref(first)].concat();
                let is_module = self.0.contains_key(&child);
                if is_module && (reference.kind != Kind::Code || !rest.is_empty()) {
                    child
                } else {
                    let import = &source.references[*source.imports.get(first)?];
                    if deep == DEEPEST {
                        return None;
                    }
                    self.absolute(source, import, deep + 1)?
                }
            }
        };
        Some([start, rest.to_vec()].concat())
    }

    /// The file that a path leads to, past re-exports.
    fn target(&self, path: &[String], deep: usize) -> Option<&Source> {
        for at in 0..path.len() {
            if self.0.contains_key(&path[..=at]) || (at == 0 && path[0] == "bin") {
                continue;
            }
            let source = self.0.get(&path[..at])?;
            let import = source.imports.get(&path[at]).map(|&i| &source.references[i]);
            let exported = import.and_then(|import| self.absolute(source, import, 0));
            return match exported {
                Some(start) if deep < DEEPEST => {
                    self.target(&[&start, &path[at + 1..]].concat(), deep + 1)
                }
                _ => Some(source),
            };
        }
        self.0.get(path)
    }

    /// What each file uses: the path from the root, and the file it leads to.
    fn uses<'h>(&'h self, source: &'h Source) -> Vec<(usize, Vec<String>, &'h Source)> {
        let used = source.references.iter().filter_map(|reference| {
            let path = self.absolute(source, reference, 0)?;
            let passed_on = reference.kind == Kind::PublicUse && path.starts_with(&source.module);
            let target = self.target(&path, 0).filter(|_| !passed_on)?;
            Some((reference.line, path, target))
        });
        used.collect()
    }
}

/// Every arrow upward, every file on no floor, and every circle, each in a line.
pub(super) fn faults(src: &Path, floors: &[&[&str]]) -> Vec<String> {
    let house = House::read(src);
    let place = |module: &[String]| {
        let name = module.first()?;
        let on = |floor: &&[&str]| floor.iter().position(|m| m == name);
        floors.iter().enumerate().find_map(|(level, floor)| Some((level, on(floor)?)))
    };
    let mut faults = Vec::new();
    let mut arrows: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for source in house.0.values() {
        if !source.module.is_empty() && place(&source.module).is_none() {
            faults.push(format!("{} is on no floor", source.file));
        }
        let mut upward = BTreeSet::new();
        for (line, path, target) in house.uses(source) {
            let (from, to) = (place(&source.module), place(&path));
            if from.zip(to).is_some_and(|(from, to)| to < from) && upward.insert(path[0].clone()) {
                let (file, module) = (&source.file, &source.module[0]);
                faults.push(format!("{file}:{line}: {module} → {}", path[0]));
            }
            if target.file != source.file {
                arrows.entry(&source.file).or_default().entry(&target.file).or_insert(line);
            }
        }
    }
    faults.extend(circles(&arrows));
    faults
}

/// The sets of files that all reach one another, each with the arrows among them.
fn circles(arrows: &BTreeMap<&str, BTreeMap<&str, usize>>) -> Vec<String> {
    let reached: BTreeMap<&str, BTreeSet<&str>> = arrows
        .keys()
        .map(|file| {
            let (mut reached, mut open) = (BTreeSet::new(), vec![*file]);
            while let Some(next) = open.pop() {
                let targets = arrows.get(next).into_iter().flat_map(|to| to.keys());
                open.extend(targets.filter(|to| reached.insert(**to)));
            }
            (*file, reached)
        })
        .collect();
    let together =
        |a: &str, b: &str| reached[a].contains(b) && reached.get(b).is_some_and(|r| r.contains(a));
    let mut circles = Vec::new();
    for file in arrows.keys() {
        let circle: Vec<&str> = arrows.keys().copied().filter(|f| together(file, f)).collect();
        if circle.first() != Some(file) {
            continue;
        }
        let inner = circle.iter().flat_map(|from| {
            let to = arrows[from].iter().filter(|(to, _)| circle.contains(to));
            to.map(move |(to, line)| format!("{from}:{line} → {to}"))
        });
        circles.push(format!("circle: {}", inner.collect::<Vec<_>>().join(", ")));
    }
    circles
}
