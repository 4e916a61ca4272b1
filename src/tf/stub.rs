//! A DLL of names only: its functions return 0, and its variables are 0. Numbers are those of the
//! PE format, as Microsoft documents it.

/// A name that a DLL exports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Export {
    name: String,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Function,
    Variable,
}

impl Export {
    /// A name of Python's C API, whose variables are told by how they are called.
    pub(super) fn of_python(name: &str) -> Self {
        let variable = name.starts_with("PyExc_")
            || name.ends_with("_Type")
            || (name.starts_with("_Py_") && name.ends_with("Struct"));
        let kind = if variable { Kind::Variable } else { Kind::Function };
        Self { name: name.to_owned(), kind }
    }
}

/// `xor eax, eax` and `ret`.
const RETURN_0: &[u8] = &[0x31, 0xc0, 0xc3];

/// A section begins at multiples of these in memory and in the file.
const IN_MEMORY: u32 = 0x1000;
const IN_FILE: u32 = 0x200;

/// Where sections are, by address from where the DLL is loaded.
const CODE: u32 = IN_MEMORY;
const VARIABLES: u32 = 2 * IN_MEMORY;
const RELOCATIONS: u32 = 3 * IN_MEMORY;
const EXPORTS: u32 = 4 * IN_MEMORY;

/// All headers fit into this, in memory and in the file.
const HEADERS: u32 = 0x400;

struct Section {
    name: &'static [u8; 8],
    address: u32,
    size: u32,
    content: Vec<u8>,
    characteristics: u32,
}

/// The DLL `name` for 64-bit Windows on x86, with these exports.
pub(super) fn dll(name: &str, exports: &[Export]) -> Vec<u8> {
    const READ: u32 = 0x4000_0000;
    const WRITE: u32 = 0x8000_0000;
    const EXECUTE: u32 = 0x2000_0000;
    const IS_CODE: u32 = 0x20;
    const IS_DATA: u32 = 0x40;
    const IS_ZERO: u32 = 0x80;
    const DISCARDABLE: u32 = 0x0200_0000;
    let table = export_table(name, exports);
    // One block for the first page, with two entries that stand for nothing: without any, some
    // versions refuse to load the DLL anywhere but at its preferred address.
    let relocations = [CODE, 12, 0].map(u32::to_le_bytes).concat();
    let section = |name, address, content: Vec<u8>, characteristics| Section {
        name,
        address,
        size: content.len() as u32,
        content,
        characteristics,
    };
    let variables = Section {
        size: IN_MEMORY,
        ..section(b".bss\0\0\0\0", VARIABLES, Vec::new(), READ | WRITE | IS_ZERO)
    };
    let sections = [
        section(b".text\0\0\0", CODE, RETURN_0.to_vec(), READ | EXECUTE | IS_CODE),
        variables,
        section(b".reloc\0\0", RELOCATIONS, relocations, READ | IS_DATA | DISCARDABLE),
        section(b".edata\0\0", EXPORTS, table, READ | IS_DATA),
    ];
    let mut file = headers(&sections);
    for section in &sections {
        file.extend(&section.content);
        file.resize(file.len().next_multiple_of(IN_FILE as usize), 0);
    }
    file
}

/// The table of exports, as it is in memory at [`EXPORTS`].
fn export_table(dll: &str, exports: &[Export]) -> Vec<u8> {
    const DIRECTORY: u32 = 40;
    // The loader looks names up by halving.
    let mut exports: Vec<&Export> = exports.iter().collect();
    exports.sort_by(|a, b| a.name.cmp(&b.name));
    exports.dedup_by(|a, b| a.name == b.name);
    let count = exports.len() as u32;
    let addresses = EXPORTS + DIRECTORY;
    let names = addresses + 4 * count;
    let ordinals = names + 4 * count;
    let texts = ordinals + 2 * count;
    let mut table = Vec::new();
    let mut put = |numbers: &[u32]| table.extend(numbers.iter().flat_map(|n| n.to_le_bytes()));
    put(&[0, 0, 0, texts, 1, count, count, addresses, names, ordinals]);
    for export in &exports {
        put(&[if export.kind == Kind::Variable { VARIABLES } else { CODE }]);
    }
    let mut text = texts + dll.len() as u32 + 1;
    for export in &exports {
        put(&[text]);
        text += export.name.len() as u32 + 1;
    }
    table.extend((0..count).flat_map(|i| (i as u16).to_le_bytes()));
    for name in [dll].into_iter().chain(exports.iter().map(|export| export.name.as_str())) {
        table.extend(name.as_bytes());
        table.push(0);
    }
    table
}

/// Everything before the first section's content.
fn headers(sections: &[Section]) -> Vec<u8> {
    const FOR_X86_64: u16 = 0x8664;
    const OPTIONAL_HEADER: u16 = 240;
    const EXECUTABLE_LARGE_ADDRESSES_DLL: u16 = 0x2022;
    let mut file = vec![0; 64];
    file[..2].copy_from_slice(b"MZ");
    file[60] = 64;
    file.extend(b"PE\0\0");
    file.extend([FOR_X86_64, sections.len() as u16].map(u16::to_le_bytes).concat());
    // No date, no symbols.
    file.extend([0; 12]);
    let kind = [OPTIONAL_HEADER, EXECUTABLE_LARGE_ADDRESSES_DLL];
    file.extend(kind.map(u16::to_le_bytes).concat());
    file.extend(optional_header(sections));
    let mut offset = HEADERS;
    for section in sections {
        let stored = (section.content.len() as u32).next_multiple_of(IN_FILE);
        file.extend(section.name);
        let place = [section.size, section.address, stored, if stored == 0 { 0 } else { offset }];
        file.extend(place.map(u32::to_le_bytes).concat());
        // No relocations and line numbers of its own.
        file.extend([0; 12]);
        file.extend(section.characteristics.to_le_bytes());
        offset += stored;
    }
    file.resize(HEADERS as usize, 0);
    file
}

fn optional_header(sections: &[Section]) -> Vec<u8> {
    const PE32_PLUS: u16 = 0x20b;
    const PREFERRED: u64 = 0x1_8000_0000;
    const WINDOWS_6: [u16; 6] = [6, 0, 0, 0, 6, 0];
    const CONSOLE: u16 = 3;
    const ANYWHERE_AND_NO_DATA_EXECUTED: u16 = 0x160;
    const DIRECTORIES: u32 = 16;
    const EXPORT_DIRECTORY: usize = 0;
    const RELOCATION_DIRECTORY: usize = 5;
    let end = sections.iter().map(|s| (s.address + s.size).next_multiple_of(IN_MEMORY)).max();
    let mut header = Vec::new();
    header.extend(PE32_PLUS.to_le_bytes());
    header.extend([0; 2]);
    // Sizes of code and data, which nobody reads; no function to be called when it is loaded.
    header.extend([0, 0, 0, 0, CODE].map(u32::to_le_bytes).concat());
    header.extend(PREFERRED.to_le_bytes());
    header.extend([IN_MEMORY, IN_FILE].map(u32::to_le_bytes).concat());
    header.extend(WINDOWS_6.map(u16::to_le_bytes).concat());
    header.extend([0, end.unwrap_or_default(), HEADERS, 0].map(u32::to_le_bytes).concat());
    header.extend([CONSOLE, ANYWHERE_AND_NO_DATA_EXECUTED].map(u16::to_le_bytes).concat());
    // Sizes of a stack and a heap, which a DLL does not have.
    header.extend([0; 32]);
    header.extend([0, DIRECTORIES].map(u32::to_le_bytes).concat());
    for directory in 0..DIRECTORIES as usize {
        let address = match directory {
            EXPORT_DIRECTORY => EXPORTS,
            RELOCATION_DIRECTORY => RELOCATIONS,
            _ => 0,
        };
        let section = sections.iter().find(|section| section.address == address);
        let size = section.map_or(0, |section| section.size);
        header.extend([address, size].map(u32::to_le_bytes).concat());
    }
    header
}
