//! Lines as rustfmt would break them, for the few forms that services have.

/// The longest line.
const WIDTH: usize = 100;
/// The longest list of arguments on one line.
const CALL_WIDTH: usize = 60;

/// A type that can be broken at its generic arguments.
pub(super) enum Shape {
    Plain(String),
    /// `head<args>tail`
    Generic {
        head: String,
        args: Vec<Shape>,
        tail: &'static str,
    },
}

impl Shape {
    pub(super) fn generic(head: impl Into<String>, args: Vec<Shape>) -> Shape {
        Shape::Generic {
            head: head.into(),
            args,
            tail: "",
        }
    }

    /// All on one line.
    pub(super) fn flat(&self) -> String {
        match self {
            Shape::Plain(text) => text.clone(),
            Shape::Generic { head, args, tail } => {
                let args: Vec<String> = args.iter().map(Shape::flat).collect();
                format!("{head}<{}>{tail}", args.join(", "))
            }
        }
    }

    /// Broken if it does not fit between `before` characters and `after` characters.
    fn fitted(&self, indent: usize, before: usize, after: usize) -> String {
        let flat = self.flat();
        match self {
            Shape::Generic { head, args, tail } if before + flat.len() + after > WIDTH => {
                let inner = indent + 4;
                let args = args
                    .iter()
                    .map(|arg| format!("{:inner$}{},\n", "", arg.fitted(inner, inner, 1)));
                format!("{head}<\n{}{:indent$}>{tail}", args.collect::<String>(), "")
            }
            _ => flat,
        }
    }
}

impl From<&str> for Shape {
    fn from(text: &str) -> Shape {
        Shape::Plain(text.to_owned())
    }
}

impl From<String> for Shape {
    fn from(text: String) -> Shape {
        Shape::Plain(text)
    }
}

/// Text with an indentation.
#[derive(Default)]
pub(super) struct Page {
    pub(super) text: String,
    indent: usize,
}

impl Page {
    /// One line, or several that stand equally deep.
    pub(super) fn line(&mut self, text: &str) {
        for line in text.lines() {
            let indent = if line.is_empty() { 0 } else { self.indent };
            self.text.push_str(&format!("{:indent$}{line}\n", ""));
        }
    }

    /// An empty line between items; none after an opening brace.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("{\n") {
            self.text.push('\n');
        }
    }

    pub(super) fn docs(&mut self, lines: &[String]) {
        for line in lines {
            self.line(format!("/// {line}").trim_end());
        }
    }

    /// A line that ends with an opening brace.
    pub(super) fn open(&mut self, text: &str) {
        self.line(&format!("{text} {{"));
        self.indent += 4;
    }

    pub(super) fn close(&mut self) {
        self.indent -= 4;
        self.line("}");
    }

    /// `head(params) -> result {`
    pub(super) fn function(&mut self, head: &str, params: &[String], result: &Shape) {
        let flat = format!("{head}({}) -> {} {{", params.join(", "), result.flat());
        if self.indent + flat.len() <= WIDTH {
            self.line(&flat);
        } else {
            self.line(&format!("{head}("));
            for param in params {
                self.line(&format!("    {param},"));
            }
            // The result is broken relative to this indentation, which `line` adds again.
            let before = self.indent + ") -> ".len();
            let text = result.fitted(0, before, " {".len());
            match result {
                // Bounds are broken apart before generic arguments are.
                Shape::Generic { tail, .. }
                    if text.contains('\n')
                        && before + result.flat().len() <= WIDTH + tail.len() =>
                {
                    let flat = result.flat();
                    self.line(&format!(") -> {}", &flat[..flat.len() - tail.len()]));
                    self.line(&format!("{} {{", tail.trim_start()));
                }
                _ => self.line(&format!(") -> {text} {{")),
            }
        }
        self.indent += 4;
    }

    /// `head(args)end`
    pub(super) fn call(&mut self, head: &str, args: &[&str], end: &str) {
        let list = args.join(", ");
        let flat = format!("{head}({list}){end}");
        if self.indent + flat.len() <= WIDTH && list.len() <= CALL_WIDTH {
            return self.line(&flat);
        }
        self.line(&format!("{head}("));
        for arg in args {
            self.line(&format!("    {arg},"));
        }
        self.line(&format!("){end}"));
    }

    /// `head: shape = value;`
    pub(super) fn binding(&mut self, head: &str, shape: &Shape, value: &str) {
        let flat = format!("{head}: {} = {value};", shape.flat());
        if self.indent + flat.len() <= WIDTH {
            return self.line(&flat);
        }
        let declared = format!("{head}: {} =", shape.flat());
        if self.indent + declared.len() <= WIDTH {
            self.line(&declared);
            return self.line(&format!("    {value};"));
        }
        let shape = shape.fitted(0, WIDTH, 0);
        self.line(&format!("{head}: {shape} = {value};"));
    }

    /// `head(args, |params| async move { body });`, where the body is an expression, or lines that say the same.
    pub(super) fn call_with_block(
        &mut self,
        head: &str,
        args: &[&str],
        params: &str,
        body: &str,
        lines: &[&str],
    ) {
        let short = body.len() <= CALL_WIDTH + "()".len();
        let body = if short {
            std::slice::from_ref(&body)
        } else {
            lines
        };
        let start = format!("{}, |{params}| async move {{", args.join(", "));
        if start.len() <= CALL_WIDTH {
            self.line(&format!("{head}({start}"));
            body.iter()
                .for_each(|line| self.line(&format!("    {line}")));
            return self.line("});");
        }
        self.line(&format!("{head}("));
        for arg in args {
            self.line(&format!("    {arg},"));
        }
        let block = format!("|{params}| async move {{ {} }},", body[0]);
        if body.len() == 1 && self.indent + 4 + block.len() <= WIDTH {
            self.line(&format!("    {block}"));
        } else {
            self.line(&format!("    |{params}| async move {{"));
            body.iter()
                .for_each(|line| self.line(&format!("        {line}")));
            self.line("    },");
        }
        self.line(");");
    }
}
