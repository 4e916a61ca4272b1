//! The part of Python's pickle (protocol 2) in which torch wrote weights: 27 opcodes and four
//! globals. Elsewhere a pickle runs code; here a global is a name from a list, and only two can be
//! called: one makes a dictionary, the other notes where a tensor's numbers are.
//!
//! Values are flat: what holds others is a list in `heap`, referred to by its index. Nothing
//! recurses, so nesting has no limit, and each opcode makes at most one value.

use std::collections::HashMap;

/// The most opcodes in a file's pickles; those of the networks here have 15,000.
const MOST_OPCODES: usize = 100_000;

/// Why a file is refused, and where.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) at: usize,
    pub(super) why: String,
}

pub(super) type Result<T> = std::result::Result<T, Refusal>;

/// The names that a pickle may import.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    Storage(Kind),
}

/// What a storage holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Float,
    Long,
}

impl Kind {
    /// Bytes a number.
    pub(super) fn width(self) -> usize {
        match self {
            Self::Float => 4,
            Self::Long => 8,
        }
    }
}

/// A run of numbers that tensors are cut from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Storage<'f> {
    pub(super) kind: Kind,
    pub(super) key: &'f str,
    pub(super) count: usize,
}

/// Where a tensor's numbers are in its storage. Sizes and strides are on the heap.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tensor<'f> {
    pub(super) storage: Storage<'f>,
    pub(super) offset: usize,
    pub(super) dims: usize,
    pub(super) strides: usize,
}

/// A Python value. Containers are indices into the heap; a dictionary there is key, value, key, …
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'f> {
    None,
    Bool(bool),
    Int(i64),
    Text(&'f str),
    Global(Global),
    Tuple(usize),
    List(usize),
    Dict(usize),
    Storage(Storage<'f>),
    Tensor(Tensor<'f>),
}

/// Reads a file from front to back.
#[derive(Debug)]
pub(super) struct Reader<'f> {
    bytes: &'f [u8],
    pub(super) at: usize,
    opcodes: usize,
}

impl<'f> Reader<'f> {
    pub(super) fn new(bytes: &'f [u8]) -> Self {
        Self { bytes, at: 0, opcodes: 0 }
    }

    pub(super) fn refuse<T>(&self, why: impl Into<String>) -> Result<T> {
        Err(Refusal { at: self.at, why: why.into() })
    }

    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: usize) -> Result<&'f [u8]> {
        let rest = &self.bytes[self.at..];
        if count > rest.len() {
            return self.refuse(format!("{count} bytes are announced, {} are left", rest.len()));
        }
        self.at += count;
        Ok(&rest[..count])
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    fn count(&mut self) -> Result<usize> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    fn text(&mut self, length: usize) -> Result<&'f str> {
        let at = self.at;
        std::str::from_utf8(self.take(length)?)
            .map_err(|_| Refusal { at, why: "a text is not UTF-8".into() })
    }

    fn line(&mut self) -> Result<&'f str> {
        let length = self.bytes[self.at..].iter().position(|&b| b == b'\n');
        let Some(length) = length else { return self.refuse("a name has no end") };
        let line = self.text(length)?;
        self.at += 1;
        Ok(line)
    }
}

/// One pickle's value, with what it refers to.
#[derive(Debug)]
pub(super) struct Pickle<'f> {
    pub(super) value: Value<'f>,
    heap: Vec<Vec<Value<'f>>>,
}

impl<'f> Pickle<'f> {
    /// Reads the pickle that is next in the file.
    pub(super) fn read(reader: &mut Reader<'f>) -> Result<Self> {
        let mut machine = Machine {
            reader,
            stack: Vec::new(),
            marks: Vec::new(),
            memo: HashMap::new(),
            heap: Vec::new(),
        };
        loop {
            let at = machine.reader.at;
            let opcode = machine.reader.byte()?;
            machine.reader.opcodes += 1;
            if machine.reader.opcodes > MOST_OPCODES {
                let why = format!("there are more than {MOST_OPCODES} opcodes");
                return Err(Refusal { at, why });
            }
            if opcode == STOP {
                let value = machine.pop()?;
                return Ok(Self { value, heap: machine.heap });
            }
            machine.step(opcode).map_err(|refusal| {
                let why = format!("opcode {}: {}", shown(opcode), refusal.why);
                Refusal { at, why }
            })?;
        }
    }

    /// What a container holds.
    pub(super) fn items(&self, index: usize) -> &[Value<'f>] {
        self.heap.get(index).map_or(&[], Vec::as_slice)
    }

    /// The pairs of a dictionary.
    pub(super) fn pairs(&self, dict: usize) -> impl Iterator<Item = (Value<'f>, Value<'f>)> {
        self.items(dict).chunks_exact(2).map(|pair| (pair[0], pair[1]))
    }
}

/// The end of a pickle.
const STOP: u8 = b'.';

/// An opcode as a message names it: `0x63 'c'`.
fn shown(opcode: u8) -> String {
    match char::from(opcode) {
        c if c.is_ascii_graphic() => format!("{opcode:#04x} '{c}'"),
        _ => format!("{opcode:#04x}"),
    }
}

/// Python's unpickler.
struct Machine<'f, 'r> {
    reader: &'r mut Reader<'f>,
    stack: Vec<Value<'f>>,
    /// The stack's height at each open MARK.
    marks: Vec<usize>,
    memo: HashMap<usize, Value<'f>>,
    heap: Vec<Vec<Value<'f>>>,
}

impl<'f> Machine<'f, '_> {
    fn step(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            // Protocol.
            0x80 => match self.reader.byte()? {
                2 => Ok(()),
                other => self.reader.refuse(format!("protocol {other}, not 2")),
            },
            // Marks, and values that need nothing.
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'N' => self.push(Value::None),
            0x88 => self.push(Value::Bool(true)),
            0x89 => self.push(Value::Bool(false)),
            b'J' => {
                let value = i32::from_le_bytes(self.reader.array()?);
                self.push(Value::Int(value.into()))
            }
            b'K' => {
                let value = self.reader.byte()?;
                self.push(Value::Int(value.into()))
            }
            b'M' => {
                let value = u16::from_le_bytes(self.reader.array()?);
                self.push(Value::Int(value.into()))
            }
            b'X' => {
                let length = self.reader.count()?;
                let text = self.reader.text(length)?;
                self.push(Value::Text(text))
            }
            b'c' => self.import(),
            _ => self.step_on_stack(opcode),
        }
    }

    /// The opcodes that work on what is there.
    fn step_on_stack(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            b'q' | b'r' => {
                let place = self.place(opcode == b'r')?;
                let top = self.top()?;
                self.memo.insert(place, top);
                Ok(())
            }
            b'h' | b'j' => {
                let place = self.place(opcode == b'j')?;
                match self.memo.get(&place).copied() {
                    Some(value) => self.push(value),
                    None => self.reader.refuse(format!("nothing was kept as {place}")),
                }
            }
            b')' => self.push_new(Value::Tuple, Vec::new()),
            b'}' => self.push_new(Value::Dict, Vec::new()),
            b']' => self.push_new(Value::List, Vec::new()),
            0x85 => {
                let items = vec![self.pop()?];
                self.push_new(Value::Tuple, items)
            }
            0x86 => {
                let (second, first) = (self.pop()?, self.pop()?);
                self.push_new(Value::Tuple, vec![first, second])
            }
            b't' => {
                let items = self.pop_to_mark()?;
                self.push_new(Value::Tuple, items)
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.extend_dict(vec![key, value])
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.extend_dict(items)
            }
            b'e' => self.append(),
            b'Q' => self.load_storage(),
            b'R' => self.call(),
            b'b' => self.set_attributes(),
            _ => self.reader.refuse("not among the 27 that weights need"),
        }
    }

    fn push(&mut self, value: Value<'f>) -> Result<()> {
        self.stack.push(value);
        Ok(())
    }

    fn push_new(&mut self, kind: fn(usize) -> Value<'f>, items: Vec<Value<'f>>) -> Result<()> {
        self.heap.push(items);
        self.push(kind(self.heap.len() - 1))
    }

    fn top(&self) -> Result<Value<'f>> {
        let floor = self.marks.last().copied().unwrap_or(0);
        match self.stack.last() {
            Some(&top) if self.stack.len() > floor => Ok(top),
            _ => self.reader.refuse("the stack is empty"),
        }
    }

    fn pop(&mut self) -> Result<Value<'f>> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value<'f>>> {
        match self.marks.pop() {
            Some(mark) => Ok(self.stack.split_off(mark)),
            None => self.reader.refuse("no mark is set"),
        }
    }

    /// Where the memo keeps a value.
    fn place(&mut self, is_long: bool) -> Result<usize> {
        if is_long { self.reader.count() } else { self.reader.byte().map(usize::from) }
    }

    fn import(&mut self) -> Result<()> {
        let (module, name) = (self.reader.line()?, self.reader.line()?);
        let global = match (module, name) {
            ("collections", "OrderedDict") => Global::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Global::RebuildTensor,
            ("torch", "FloatStorage") => Global::Storage(Kind::Float),
            ("torch", "LongStorage") => Global::Storage(Kind::Long),
            _ => {
                let name: String = format!("{module}.{name}").chars().take(80).collect();
                return self.reader.refuse(format!("imports '{name}', which weights do not need"));
            }
        };
        self.push(Value::Global(global))
    }

    fn extend_dict(&mut self, items: Vec<Value<'f>>) -> Result<()> {
        match self.top()? {
            Value::Dict(dict) if items.len().is_multiple_of(2) => {
                self.heap[dict].extend(items);
                Ok(())
            }
            Value::Dict(_) => self.reader.refuse("a key has no value"),
            _ => self.reader.refuse("only a dictionary has entries"),
        }
    }

    fn append(&mut self) -> Result<()> {
        let items = self.pop_to_mark()?;
        match self.top()? {
            Value::List(list) => {
                self.heap[list].extend(items);
                Ok(())
            }
            _ => self.reader.refuse("only a list can be appended to"),
        }
    }

    /// ('storage', the class of its numbers, its key, its device, how many there are, no view).
    fn load_storage(&mut self) -> Result<()> {
        let id = self.pop()?;
        let items = if let Value::Tuple(index) = id { &self.heap[index][..] } else { &[] };
        let [
            Value::Text("storage"),
            Value::Global(Global::Storage(kind)),
            Value::Text(key),
            Value::Text(_),
            Value::Int(count),
            Value::None,
        ] = *items
        else {
            return self.reader.refuse("does not name a storage of floats or longs");
        };
        let count = self.number(count)?;
        self.push(Value::Storage(Storage { kind, key, count }))
    }

    /// Calls one of the two globals that can be called.
    fn call(&mut self) -> Result<()> {
        let (arguments, callee) = (self.pop()?, self.pop()?);
        let items = if let Value::Tuple(index) = arguments { &self.heap[index][..] } else { &[] };
        match (callee, items) {
            (Value::Global(Global::OrderedDict), []) => self.push_new(Value::Dict, Vec::new()),
            (
                Value::Global(Global::RebuildTensor),
                &[
                    Value::Storage(storage),
                    Value::Int(offset),
                    Value::Tuple(dims),
                    Value::Tuple(strides),
                    Value::Bool(_),
                    Value::Dict(_),
                ],
            ) => {
                let offset = self.number(offset)?;
                self.push(Value::Tensor(Tensor { storage, offset, dims, strides }))
            }
            _ => self.reader.refuse("a call that weights do not need"),
        }
    }

    /// A state dictionary's own attributes (versions of its layers) are not needed.
    fn set_attributes(&mut self) -> Result<()> {
        match (self.pop()?, self.top()?) {
            (Value::Dict(_), Value::Dict(_)) => Ok(()),
            _ => self.reader.refuse("only a dictionary has attributes"),
        }
    }

    fn number(&self, value: i64) -> Result<usize> {
        usize::try_from(value).or_else(|_| self.reader.refuse(format!("{value} is below 0")))
    }
}
