//! Conditions in CEL (Common Expression Language, cel.dev): parsed by the `cel` crate, checked, and lowered to a short
//! straight-line program over numbers and truth values.
//!
//! The part of the language that is allowed has no loops, lists, texts or calls beyond `min`, `max` and `abs`, so the cost
//! of an evaluation is the number of its operations, known before it runs and bounded by [`MAX_OPS`]. All numbers are
//! doubles (`1` means `1.0`). A value that is not known makes what needs it unknown; `false && unknown` is `false` and
//! `true || unknown` is `true`, as CEL has it for errors.

use cel::IdedExpr;
use cel::Program as Parsed;
use cel::common::ast::{CallExpr, Expr, LiteralValue, SourceInfo, operators};

/// Longest text of an expression, bytes.
pub const MAX_TEXT: usize = 1000;
/// Most operations of an expression.
pub const MAX_OPS: usize = 200;
/// Deepest nesting.
const MAX_DEPTH: usize = 32;

/// What is wrong with an expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {reason}")]
pub struct ExpressionError {
    /// Character of the text, from 1.
    pub column: usize,
    /// What is wrong and what is allowed.
    pub reason: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Truth,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Number => "a number",
            Kind::Truth => "true or false",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Op {
    Number(f64),
    Truth(bool),
    Input(u8),
    Negate,
    Not,
    Abs,
    Add,
    Subtract,
    Multiply,
    Divide,
    Min,
    Max,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Equal,
    NotEqual,
    And,
    Or,
    Choose,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Value {
    Unknown,
    Number(f64),
    Truth(bool),
}

/// A checked expression, ready to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Expression {
    ops: Vec<Op>,
}

struct Lowering<'a> {
    source: &'a SourceInfo,
    inputs: &'a [&'a str],
    ops: Vec<Op>,
}

impl Expression {
    /// Reads and checks `text` over the named inputs, which are numbers; an input's number is its position.
    ///
    /// # Errors
    /// [`ExpressionError`] with column and reason: not CEL, a name that is no input, a wrong kind of value, something of
    /// CEL that rules do not have, or over a limit.
    pub fn compile(text: &str, inputs: &[&str]) -> Result<Self, ExpressionError> {
        let fail = |column: usize, reason: String| ExpressionError { column, reason };
        if text.len() > MAX_TEXT {
            return Err(fail(MAX_TEXT, format!("the text has {} bytes: at most {MAX_TEXT} are allowed", text.len())));
        }
        // The parser walks nested brackets and signs recursively; refuse what is deeper before it sees it.
        if let Some(column) = too_deep(text) {
            return Err(fail(column, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        let parsed = Parsed::compile(text).map_err(|errors| {
            let first = errors.errors.first();
            let column = first.map_or(1, |e| usize::try_from(e.pos.1).unwrap_or(0).max(1));
            fail(column, first.map_or_else(|| "not an expression".to_owned(), |e| e.msg.clone()))
        })?;
        let mut lowering = Lowering { source: parsed.source_info(), inputs, ops: Vec::new() };
        let kind = lowering.lower(parsed.expression(), 0)?;
        if kind != Kind::Truth {
            return Err(fail(1, "the expression is a number: a condition must be true or false".to_owned()));
        }
        Ok(Self { ops: lowering.ops })
    }

    /// Operations of one evaluation.
    #[must_use]
    pub fn cost(&self) -> usize {
        self.ops.len()
    }

    /// Evaluates with the value of each input, `None` where it is not known; `None` when the answer is not known.
    pub fn evaluate(&self, input: impl Fn(usize) -> Option<f64>) -> Option<bool> {
        // Every operation leaves at most one value more; nesting is bounded, so is the stack.
        let mut stack = [Value::Unknown; MAX_DEPTH * 4];
        let mut top = 0;
        for op in &self.ops {
            let arity = op.arity();
            let at = top - arity;
            let value = match op {
                Op::Input(i) => input(usize::from(*i)).map_or(Value::Unknown, Value::Number),
                op => op.apply(stack.get(at..top).unwrap_or(&[])),
            };
            if let Some(slot) = stack.get_mut(at) {
                *slot = value;
            }
            top = at + 1;
        }
        match stack[0] {
            Value::Truth(answer) => Some(answer),
            _ => None,
        }
    }
}

fn too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut run) = (0usize, 0usize);
    for (column, c) in text.chars().enumerate() {
        run = if matches!(c, '!' | '-' | '?') {
            run + 1
        } else if c == ' ' {
            run
        } else {
            0
        };
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH || run > MAX_DEPTH {
            return Some(column + 1);
        }
    }
    None
}

impl Lowering<'_> {
    fn fail<T>(&self, at: &IdedExpr, reason: impl Into<String>) -> Result<T, ExpressionError> {
        let column = self.source.offset_for(at.id).map_or(1, |(start, _)| start as usize + 1);
        Err(ExpressionError { column, reason: reason.into() })
    }

    fn push(&mut self, at: &IdedExpr, op: Op) -> Result<(), ExpressionError> {
        if self.ops.len() >= MAX_OPS {
            return self.fail(at, format!("more than {MAX_OPS} operations"));
        }
        self.ops.push(op);
        Ok(())
    }

    fn lower(&mut self, e: &IdedExpr, depth: usize) -> Result<Kind, ExpressionError> {
        if depth > MAX_DEPTH {
            return self.fail(e, format!("nested deeper than {MAX_DEPTH} levels"));
        }
        match &e.expr {
            Expr::Literal(LiteralValue::Double(n)) => self.number(e, *n.inner()),
            Expr::Literal(LiteralValue::Int(n)) => self.number(e, *n.inner() as f64),
            Expr::Literal(LiteralValue::Boolean(b)) => {
                self.push(e, Op::Truth(*b.inner()))?;
                Ok(Kind::Truth)
            }
            Expr::Ident(name) => match self.inputs.iter().position(|i| i == name) {
                Some(i) => {
                    self.push(e, Op::Input(u8::try_from(i).unwrap_or(u8::MAX)))?;
                    Ok(Kind::Number)
                }
                None => {
                    let known = if self.inputs.is_empty() { "none".to_owned() } else { self.inputs.join(", ") };
                    self.fail(e, format!("{name:?} is not an input of the rule (inputs: {known})"))
                }
            },
            Expr::Call(call) => self.call(e, call, depth),
            _ => self.fail(e, "rules have numbers, inputs, true, false, operators, min, max and abs only"),
        }
    }

    fn number(&mut self, e: &IdedExpr, n: f64) -> Result<Kind, ExpressionError> {
        if !n.is_finite() {
            return self.fail(e, format!("{n} is not a finite number"));
        }
        self.push(e, Op::Number(n))?;
        Ok(Kind::Number)
    }

    fn call(&mut self, e: &IdedExpr, call: &CallExpr, depth: usize) -> Result<Kind, ExpressionError> {
        use Kind::{Number, Truth};
        if call.target.is_some() {
            return self.fail(e, format!("{}() on a value: rules have no methods", call.func_name));
        }
        let (op, takes, gives): (Op, &[Kind], Kind) = match (call.func_name.as_str(), call.args.len()) {
            (operators::NEGATE, 1) => (Op::Negate, &[Number], Number),
            (operators::LOGICAL_NOT, 1) => (Op::Not, &[Truth], Truth),
            ("abs", 1) => (Op::Abs, &[Number], Number),
            ("min", 2) => (Op::Min, &[Number, Number], Number),
            ("max", 2) => (Op::Max, &[Number, Number], Number),
            (operators::ADD, 2) => (Op::Add, &[Number, Number], Number),
            (operators::SUBSTRACT, 2) => (Op::Subtract, &[Number, Number], Number),
            (operators::MULTIPLY, 2) => (Op::Multiply, &[Number, Number], Number),
            (operators::DIVIDE, 2) => (Op::Divide, &[Number, Number], Number),
            (operators::LESS, 2) => (Op::Less, &[Number, Number], Truth),
            (operators::LESS_EQUALS, 2) => (Op::LessEqual, &[Number, Number], Truth),
            (operators::GREATER, 2) => (Op::Greater, &[Number, Number], Truth),
            (operators::GREATER_EQUALS, 2) => (Op::GreaterEqual, &[Number, Number], Truth),
            (operators::EQUALS, 2) => (Op::Equal, &[Number, Number], Truth),
            (operators::NOT_EQUALS, 2) => (Op::NotEqual, &[Number, Number], Truth),
            (operators::LOGICAL_AND, 2) => (Op::And, &[Truth, Truth], Truth),
            (operators::LOGICAL_OR, 2) => (Op::Or, &[Truth, Truth], Truth),
            (operators::CONDITIONAL, 3) => return self.choice(e, call, depth),
            (name, n) => return self.fail(e, format!("{name} with {n} arguments is not part of rules")),
        };
        for (arg, wanted) in call.args.iter().zip(takes) {
            self.expect(arg, *wanted, depth)?;
        }
        self.push(e, op)?;
        Ok(gives)
    }

    fn choice(&mut self, e: &IdedExpr, call: &CallExpr, depth: usize) -> Result<Kind, ExpressionError> {
        let [condition, yes, no] = call.args.as_slice() else { return self.fail(e, "?: takes three parts") };
        self.expect(condition, Kind::Truth, depth)?;
        let kind = self.lower(yes, depth + 1)?;
        self.expect(no, kind, depth)?;
        self.push(e, Op::Choose)?;
        Ok(kind)
    }

    fn expect(&mut self, e: &IdedExpr, wanted: Kind, depth: usize) -> Result<(), ExpressionError> {
        let found = self.lower(e, depth + 1)?;
        if found != wanted {
            return self.fail(e, format!("this is {}: {} is needed here", found.word(), wanted.word()));
        }
        Ok(())
    }
}

impl Op {
    fn arity(self) -> usize {
        match self {
            Op::Number(_) | Op::Truth(_) | Op::Input(_) => 0,
            Op::Negate | Op::Not | Op::Abs => 1,
            Op::Choose => 3,
            _ => 2,
        }
    }

    fn apply(self, args: &[Value]) -> Value {
        use Value::{Number, Truth, Unknown};
        match (self, args) {
            (Op::Number(n), _) => Number(n),
            (Op::Truth(b), _) => Truth(b),
            (Op::Negate, [Number(a)]) => Number(-a),
            (Op::Abs, [Number(a)]) => Number(a.abs()),
            (Op::Not, [Truth(a)]) => Truth(!a),
            (Op::And, [Truth(false), _] | [_, Truth(false)]) => Truth(false),
            (Op::And, [Truth(true), Truth(true)]) => Truth(true),
            (Op::Or, [Truth(true), _] | [_, Truth(true)]) => Truth(true),
            (Op::Or, [Truth(false), Truth(false)]) => Truth(false),
            (Op::Choose, [Truth(c), yes, no]) => {
                if *c {
                    *yes
                } else {
                    *no
                }
            }
            (op, [Number(a), Number(b)]) => op.of_numbers(*a, *b),
            _ => Unknown,
        }
    }

    fn of_numbers(self, a: f64, b: f64) -> Value {
        use Value::{Number, Truth, Unknown};
        match self {
            Op::Add => Number(a + b),
            Op::Subtract => Number(a - b),
            Op::Multiply => Number(a * b),
            Op::Divide => Number(a / b),
            Op::Min => Number(if b < a { b } else { a }),
            Op::Max => Number(if b > a { b } else { a }),
            Op::Less => Truth(a < b),
            Op::LessEqual => Truth(a <= b),
            Op::Greater => Truth(a > b),
            Op::GreaterEqual => Truth(a >= b),
            Op::Equal => Truth(a == b),
            Op::NotEqual => Truth(a != b),
            _ => Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(text: &str, values: &[Option<f64>]) -> Option<bool> {
        Expression::compile(text, &["rain", "level"]).unwrap().evaluate(|i| values[i])
    }

    #[test]
    fn conditions_mean_what_they_say() {
        let both = "rain >= 16 && level > 18.5";
        assert_eq!(run(both, &[Some(20.0), Some(19.0)]), Some(true));
        assert_eq!(run(both, &[Some(20.0), Some(18.0)]), Some(false));
        assert_eq!(run(both, &[Some(2.0), None]), Some(false));
        assert_eq!(run(both, &[Some(20.0), None]), None);
        assert_eq!(run("rain > 1.0 || level > 1.0", &[None, Some(2.0)]), Some(true));
        assert_eq!(run("abs(-rain) == max(rain, 1.0) ? level < 3 : false", &[Some(2.0), Some(2.5)]), Some(true));
        assert_eq!(run("!(min(rain, level) / 2.0 - 1.0 != 0.0)", &[Some(2.0), Some(7.0)]), Some(true));
    }

    #[test]
    fn errors_have_column_and_reason() {
        let error = |text: &str| Expression::compile(text, &["rain"]).unwrap_err().to_string();
        assert_eq!(error("rain > 1 && wind > 2"), "column 13: \"wind\" is not an input of the rule (inputs: rain)");
        assert!(error("rain + 1").starts_with("column 1: the expression is a number"));
        assert!(error("rain > 1 &&").starts_with("column "), "{}", error("rain > 1 &&"));
        assert!(error("(rain > 1) + 2 > 3").contains("true or false: a number is needed"));
        assert!(error("[1,2].exists(x, x > rain)").contains("only"));
        assert!(error("rain.startsWith('x')").contains("no methods"));
        assert!(error("size(rain) > 1").contains("size with 1 arguments"));
        assert!(error("'a' == 'b'").contains("only"));
        assert!(error(&"(".repeat(500)).contains("deeper"));
        assert!(error(&format!("{}true", "!".repeat(200))).contains("deeper"));
        assert!(error(&"rain > 1 || ".repeat(90)).contains("bytes"));
        let many = format!("{} > 1.0", vec!["rain"; 150].join("+"));
        assert!(error(&many).contains("operations") || error(&many).contains("deeper"), "{}", error(&many));
    }

    fn number() -> impl Strategy<Value = String> {
        let leaf =
            prop_oneof![(-5i32..5).prop_map(|n| format!("({n}.5)")), Just("rain".to_owned()), Just("level".to_owned())];
        leaf.prop_recursive(3, 12, 2, |inner| {
            (inner.clone(), prop_oneof![Just("+"), Just("-"), Just("*"), Just("/")], inner)
                .prop_map(|(a, op, b)| format!("({a} {op} {b})"))
        })
    }

    fn truth() -> impl Strategy<Value = String> {
        let compare = prop_oneof![Just("<"), Just("<="), Just(">"), Just(">="), Just("=="), Just("!=")];
        let leaf = (number(), compare, number()).prop_map(|(a, op, b)| format!("({a} {op} {b})"));
        leaf.prop_recursive(3, 8, 3, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} || {b})")),
                inner.clone().prop_map(|a| format!("!{a}")),
                (inner.clone(), inner.clone(), inner).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            ]
        })
    }

    proptest! {
        /// The interpreter of the `cel` crate is the reference; without a value it has no such variable.
        #[test]
        fn agrees_with_the_reference(text in truth(), rain in proptest::option::of(-3.0f64..3.0), level in -3.0f64..3.0) {
            let Ok(ours) = Expression::compile(&text, &["rain", "level"]) else { return Ok(()) };
            let mut context = cel::Context::default();
            if let Some(rain) = rain { context.add_variable("rain", rain).unwrap(); }
            context.add_variable("level", level).unwrap();
            let theirs = match cel::Program::compile(&text).unwrap().execute(&context) {
                Ok(cel::Value::Bool(b)) => Some(b),
                _ => None,
            };
            prop_assert_eq!(ours.evaluate(|i| [rain, Some(level)][i]), theirs, "{}", text);
        }

        #[test]
        fn any_text_compiles_or_is_refused(text in "[ -~]{0,60}") {
            drop(Expression::compile(&text, &["rain"]));
        }
    }
}
