//! A graph and its functions. A tensor is traced back through calls, arguments and branches to the
//! node or the variable that it really comes from.
//!
//! Each call that is followed is a *frame*: frame 0 is the graph itself, and another is a function
//! with the call that entered it. Frames are kept in a list and refer to one another by place, so
//! nothing here is recursive, however deep the calls of a hostile model nest.

use super::objects::{Object, Objects, VariableId, named};
use super::ops::Ops;
use crate::proto::{DataType, FunctionDef, GraphDef, InputRef, NodeDef, Value};
use std::collections::HashMap;
use std::rc::Rc;

/// How deep calls may nest.
const DEEPEST: usize = 64;
/// The most calls.
const MOST_FRAMES: usize = 1 << 16;
/// The most steps of all tracing together.
const MOST_STEPS: usize = 1 << 22;

/// A node in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) frame: usize,
    pub(super) node: usize,
}

/// Where a tensor comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'m> {
    Node {
        place: Place,
        output: usize,
    },
    /// The value of a variable.
    Variable(VariableId<'m>),
}

/// A graph or a function, indexed.
struct Body<'m> {
    /// The function's name; none for the graph.
    name: Option<&'m str>,
    nodes: &'m [NodeDef],
    places: HashMap<&'m str, usize>,
    arguments: HashMap<&'m str, usize>,
    /// For each output, the tensor that it returns.
    returned: Vec<Option<&'m str>>,
    /// The objects behind the last arguments.
    bound: &'m [i32],
}

struct Frame<'m> {
    body: Rc<Body<'m>>,
    depth: usize,
    /// The call that entered it, and that call's first input that is an argument.
    call: Option<(Place, usize)>,
}

/// What an input of a node names in its frame.
enum Named {
    Output(Place, usize),
    Argument(usize),
}

/// A graph with its functions and objects.
pub(super) struct Program<'m> {
    pub(super) ops: Ops,
    graph: &'m GraphDef,
    library: HashMap<&'m str, &'m FunctionDef>,
    objects: &'m Objects<'m>,
    bodies: HashMap<&'m str, Rc<Body<'m>>>,
    frames: Vec<Frame<'m>>,
    entered: HashMap<Place, usize>,
    steps: usize,
}

impl<'m> Program<'m> {
    pub(super) fn new(graph: &'m GraphDef, objects: &'m Objects<'m>) -> Self {
        let library = graph.library.function.iter();
        let body = Body {
            name: None,
            nodes: &graph.node,
            places: places(&graph.node),
            arguments: HashMap::new(),
            returned: Vec::new(),
            bound: &[],
        };
        Self {
            ops: Ops::default(),
            graph,
            library: library.map(|f| (f.signature.name.as_str(), f)).collect(),
            objects,
            bodies: HashMap::new(),
            frames: vec![Frame { body: Rc::new(body), depth: 0, call: None }],
            entered: HashMap::new(),
            steps: 0,
        }
    }

    /// The node at a place.
    pub(super) fn node(&self, place: Place) -> &'m NodeDef {
        &self.frames[place.frame].body.nodes[place.node]
    }

    /// A node for an error: its function, its name and its op.
    pub(super) fn describe(&self, place: Place) -> String {
        let node = self.node(place);
        match self.frames[place.frame].body.name {
            Some(function) => {
                format!("node '{}' ({}) of function '{function}'", node.name, node.op)
            }
            None => format!("node '{}' ({})", node.name, node.op),
        }
    }

    /// The object's declaration.
    pub(super) fn variable(&self, place: usize) -> Option<&'m crate::proto::SavedVariable> {
        match self.objects.get(i32::try_from(place).ok()?) {
            Ok((_, Object::Variable(variable))) => Some(variable),
            _ => None,
        }
    }

    /// The source of input `input` of the node at `place`.
    pub(super) fn source_of(&mut self, place: Place, input: usize) -> Result<Source<'m>, String> {
        let tensor = &self.node(place).input[input];
        self.trace(place.frame, tensor)
            .map_err(|why| format!("{} reads '{tensor}', which {why}", self.describe(place)))
    }

    /// The source of a tensor of the graph itself.
    pub(super) fn source(&mut self, tensor: &'m str) -> Result<Source<'m>, String> {
        self.trace(0, tensor).map_err(|why| format!("'{tensor}' {why}"))
    }

    /// Traces a tensor of a frame back. The error is what the tensor does.
    fn trace(&mut self, mut frame: usize, mut tensor: &'m str) -> Result<Source<'m>, String> {
        let mut reads = false;
        loop {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return Err("leads through too many calls".into());
            }
            let (place, output) = match self.locate(frame, tensor)? {
                Named::Output(place, output) => (place, output),
                Named::Argument(argument) => match self.argument(frame, argument)? {
                    Passed::Input(caller, input) => {
                        (frame, tensor) = (caller, input);
                        continue;
                    }
                    Passed::Object(id) => return self.object(id, reads),
                },
            };
            let node = self.node(place);
            match node.op.as_str() {
                "ReadVariableOp" => {
                    tensor = first(node)?;
                    reads = true;
                }
                "Identity" if is_handle(node) => tensor = first(node)?,
                "VarHandleOp" if place.frame == 0 && reads => {
                    return Ok(Source::Variable(named(node)));
                }
                "VariableV2" | "Variable" if place.frame == 0 && !reads => {
                    return Ok(Source::Variable(VariableId::Named(&node.name)));
                }
                "VarHandleOp" => return Err(not_read(place.frame == 0)),
                _ => match self.callee(place)? {
                    Some((function, skipped)) => {
                        frame = self.enter(place, function, skipped)?;
                        tensor = self.returned(frame, output)?;
                    }
                    None if reads => {
                        return Err(format!("is read from {}, no variable", self.describe(place)));
                    }
                    None => return Ok(Source::Node { place, output }),
                },
            }
        }
    }

    /// The object `id`, whose value `is_read` or which is used as it is.
    fn object(&self, id: i32, is_read: bool) -> Result<Source<'m>, String> {
        match self.objects.get(id)? {
            (place, Object::Variable(_)) if is_read => {
                Ok(Source::Variable(VariableId::Object(place)))
            }
            (_, Object::Variable(_)) => Err(not_read(true)),
            (_, Object::Constant(name)) => {
                let node = self.frames[0].body.places.get(name).copied();
                let node =
                    node.ok_or_else(|| format!("is the constant '{name}', which is missing"))?;
                Ok(Source::Node { place: Place { frame: 0, node }, output: 0 })
            }
        }
    }

    /// What a name means in a frame: in the graph `node:1`, in a function `node:output:0` or an
    /// argument.
    fn locate(&mut self, frame: usize, tensor: &str) -> Result<Named, String> {
        let body = Rc::clone(&self.frames[frame].body);
        let missing = |name: &str| match body.name {
            Some(function) => format!("is not in function '{function}': there is no '{name}'"),
            None => format!("is not in the graph: there is no '{name}'"),
        };
        let find = |name: &str| body.places.get(name).copied().ok_or_else(|| missing(name));
        if body.name.is_none() {
            let read = InputRef::parse(tensor);
            return Ok(Named::Output(Place { frame, node: find(read.node)? }, read.index));
        }
        let mut parts = tensor.split(':');
        let (name, output, index) = (parts.next().unwrap_or(""), parts.next(), parts.next());
        let Some(output) = output else {
            return match body.arguments.get(name) {
                Some(&argument) => Ok(Named::Argument(argument)),
                None => Ok(Named::Output(Place { frame, node: find(name)? }, 0)),
            };
        };
        let node = find(name)?;
        let index = index.map_or(Ok(0), str::parse);
        let place = index.ok().and_then(|index| self.output(&body.nodes[node], output, index));
        let place = place.ok_or_else(|| format!("is no output of '{name}'"))?;
        Ok(Named::Output(Place { frame, node }, place))
    }

    /// The place of a node's named output.
    fn output(&mut self, node: &NodeDef, name: &str, index: usize) -> Option<usize> {
        match self.library.get(node.op.as_str()) {
            Some(function) => {
                let outputs = &function.signature.output_arg;
                outputs.iter().position(|arg| arg.name == name)?.checked_add(index)
            }
            None => self.ops.output(node, name, index),
        }
    }

    /// What a frame's argument is.
    fn argument(&self, frame: usize, argument: usize) -> Result<Passed<'m>, String> {
        let Frame { body, call, .. } = &self.frames[frame];
        let Some((caller, skipped)) = *call else { return Err("is an argument of nothing".into()) };
        let unbound = body.arguments.len().saturating_sub(body.bound.len());
        if let Some(&id) = argument.checked_sub(unbound).and_then(|i| body.bound.get(i)) {
            return Ok(Passed::Object(id));
        }
        let inputs = self.node(caller).input.iter().filter(|i| !i.starts_with('^'));
        match inputs.skip(skipped).nth(argument) {
            Some(input) => Ok(Passed::Input(caller.frame, input)),
            None => Err(format!("is argument {argument}, which {} lacks", self.describe(caller))),
        }
    }

    /// The function that a node calls, and how many of its inputs are no arguments.
    fn callee(&mut self, place: Place) -> Result<Option<(&'m str, usize)>, String> {
        let node = self.node(place);
        let function = match node.op.as_str() {
            "PartitionedCall" | "StatefulPartitionedCall" => return self.named(place, "f", 0),
            "If" | "StatelessIf" => {
                let taken = if self.number(place)? == 0 { "else_branch" } else { "then_branch" };
                return self.named(place, taken, 1);
            }
            "Case" | "StatelessCase" => match node.attr_value("branches") {
                Some(Value::List(list)) => {
                    // As TensorFlow has it, any other number means the last branch.
                    let last = list.func.len().saturating_sub(1);
                    let taken = usize::try_from(self.number(place)?).unwrap_or(last).min(last);
                    list.func.get(taken)
                }
                _ => None,
            },
            op => return Ok(self.library.get_key_value(op).map(|(name, _)| (*name, 0))),
        };
        let function = function.map(|f| (f.name.as_str(), 1));
        function.map(Some).ok_or_else(|| format!("is {} without branches", self.describe(place)))
    }

    /// The function that an attribute names, with the number of inputs that are no arguments.
    fn named(
        &self,
        place: Place,
        attribute: &str,
        skipped: usize,
    ) -> Result<Option<(&'m str, usize)>, String> {
        match self.node(place).attr_value(attribute) {
            Some(Value::Func(function)) => Ok(Some((&function.name, skipped))),
            _ => Err(format!("is {}, which names no function", self.describe(place))),
        }
    }

    /// The constant that decides which branch a node takes.
    fn number(&mut self, branch: Place) -> Result<i64, String> {
        let depends = |program: &Self| {
            format!("depends on a branch that is no constant, {}", program.describe(branch))
        };
        let mut place = branch;
        loop {
            // A branch that another branch decides is not followed.
            let tensor = first(self.node(place))?;
            let Named::Output(next, _) = self.passed(place.frame, tensor)? else {
                return Err(depends(self));
            };
            let node = self.node(next);
            match node.op.as_str() {
                "Identity" => place = next,
                "Const" => return constant(node).ok_or_else(|| depends(self)),
                // Whether the network is being trained.
                "Placeholder" if next.frame == 0 && is_flag(node) => return Ok(0),
                _ => return Err(depends(self)),
            }
        }
    }

    /// What a tensor names once arguments are replaced by what is passed for them.
    fn passed(&mut self, mut frame: usize, mut tensor: &'m str) -> Result<Named, String> {
        loop {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return Err("leads through too many calls".into());
            }
            match self.locate(frame, tensor)? {
                Named::Argument(argument) => match self.argument(frame, argument)? {
                    Passed::Input(caller, input) => (frame, tensor) = (caller, input),
                    Passed::Object(_) => return Ok(Named::Argument(argument)),
                },
                found @ Named::Output(..) => return Ok(found),
            }
        }
    }

    /// The frame of a call.
    fn enter(&mut self, call: Place, function: &'m str, skipped: usize) -> Result<usize, String> {
        if let Some(&frame) = self.entered.get(&call) {
            return Ok(frame);
        }
        let depth = self.frames[call.frame].depth + 1;
        if depth > DEEPEST {
            return Err(format!(
                "is computed by function '{function}', where calls nest more than {DEEPEST} deep; \
                 does it call itself?"
            ));
        }
        if self.frames.len() >= MOST_FRAMES {
            return Err(format!("needs more than {MOST_FRAMES} calls of functions"));
        }
        let body = self.body(function)?;
        self.frames.push(Frame { body, depth, call: Some((call, skipped)) });
        let frame = self.frames.len() - 1;
        self.entered.insert(call, frame);
        Ok(frame)
    }

    fn body(&mut self, name: &str) -> Result<Rc<Body<'m>>, String> {
        if let Some(body) = self.bodies.get(name) {
            return Ok(Rc::clone(body));
        }
        let missing = || format!("is computed by function '{name}', which is missing");
        let (&name, &function) = self.library.get_key_value(name).ok_or_else(missing)?;
        let arguments = function.signature.input_arg.iter().enumerate();
        let returned =
            |output: &str| function.ret.iter().find(|r| r.key == output).map(|r| r.value.as_str());
        let body = Rc::new(Body {
            name: Some(name),
            nodes: &function.node_def,
            places: places(&function.node_def),
            arguments: arguments.map(|(i, arg)| (arg.name.as_str(), i)).collect(),
            returned: function.signature.output_arg.iter().map(|o| returned(&o.name)).collect(),
            bound: self.objects.bound(name),
        });
        self.bodies.insert(name, Rc::clone(&body));
        Ok(body)
    }

    /// The tensor in a frame that is its output `output`.
    fn returned(&self, frame: usize, output: usize) -> Result<&'m str, String> {
        let body = &self.frames[frame].body;
        body.returned.get(output).copied().flatten().ok_or_else(|| {
            format!("is output {output} of function '{}', which lacks it", body.name.unwrap_or(""))
        })
    }

    /// The graph.
    pub(super) fn graph(&self) -> &'m GraphDef {
        self.graph
    }
}

/// What is passed for an argument.
enum Passed<'m> {
    /// A tensor in the caller's frame.
    Input(usize, &'m str),
    Object(i32),
}

fn places(nodes: &[NodeDef]) -> HashMap<&str, usize> {
    nodes.iter().enumerate().map(|(i, n)| (n.name.as_str(), i)).collect()
}

fn first(node: &NodeDef) -> Result<&str, String> {
    let input = node.input.first().filter(|input| !input.starts_with('^'));
    input.map(String::as_str).ok_or_else(|| format!("comes from '{}' without inputs", node.name))
}

fn not_read(is_known: bool) -> String {
    match is_known {
        true => "is a variable that is used in another way than reading it".into(),
        false => "is a variable that a function makes; its value is not in the files".into(),
    }
}

fn is_handle(node: &NodeDef) -> bool {
    node.type_attr("T").is_ok_and(|t| t == DataType::DT_RESOURCE)
}

/// Whether a placeholder is for true or false.
pub(super) fn is_flag(node: &NodeDef) -> bool {
    node.type_attr("dtype").is_ok_and(|t| t == DataType::DT_BOOL)
}

/// The value of a constant of one integer or boolean.
fn constant(node: &NodeDef) -> Option<i64> {
    let value = node.tensor_attr("value").ok()?;
    if value.tensor_shape.dim.iter().any(|d| d.size != 1) {
        return None;
    }
    let bytes = &value.tensor_content[..];
    match value.dtype.enum_value().ok()? {
        DataType::DT_BOOL => {
            let given = bytes.first().map(|&b| b != 0).or(value.bool_val.first().copied());
            Some(given.unwrap_or_default().into())
        }
        DataType::DT_INT32 => Some(match bytes.try_into() {
            Ok(bytes) => i32::from_le_bytes(bytes).into(),
            Err(_) => value.int_val.first().copied().unwrap_or_default().into(),
        }),
        _ => None,
    }
}
