//! Bar plots, small enough to be read as text.

use std::fmt::Write as _;

/// A plot of horizontal bars from zero.
#[derive(Debug, Clone)]
pub(crate) struct Plot {
    /// What is shown, and in which unit.
    pub title: String,
    /// Name and length of each bar.
    pub bars: Vec<(String, f64)>,
    /// A line across the bars: what it says, and where.
    pub mark: Option<(String, f64)>,
}

const WIDTH: f64 = 680.0;
const LEFT: f64 = 230.0;
const RIGHT: f64 = 80.0;
const TOP: f64 = 34.0;
const BAR: f64 = 18.0;
const STEP: f64 = 26.0;

impl Plot {
    /// As an SVG document that reads well on a light and on a dark page.
    pub fn svg(&self) -> String {
        let longest = self.bars.iter().map(|(_, value)| *value).chain(self.mark.iter().map(|(_, at)| *at));
        let longest = longest.filter(|value| value.is_finite()).fold(f64::MIN_POSITIVE, f64::max);
        let scale = (WIDTH - LEFT - RIGHT) / longest;
        let foot = TOP + STEP * self.bars.len() as f64;
        let height = foot + if self.mark.is_some() { 22.0 } else { 6.0 };
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
             height=\"{height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
             <style>text{{fill:#222}}.bar{{fill:#3b6ea5}}.mark{{stroke:#b5442e;stroke-dasharray:4 3}}\
             @media(prefers-color-scheme:dark){{text{{fill:#ddd}}.bar{{fill:#6fa3da}}.mark{{stroke:#e2836f}}}}</style>\n"
        );
        let mut line = |text: String| {
            svg.push_str(&text);
            svg.push('\n');
        };
        line(format!("<text x=\"0\" y=\"16\" font-weight=\"bold\">{}</text>", escape(&self.title)));
        for (at, (name, value)) in self.bars.iter().enumerate() {
            let y = TOP + STEP * at as f64;
            let (width, middle) = (if value.is_finite() { value * scale } else { 0.0 }, y + BAR - 4.5);
            line(format!("<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\">{}</text>", LEFT - 8.0, escape(name)));
            line(format!("<rect class=\"bar\" x=\"{LEFT}\" y=\"{y}\" width=\"{width:.1}\" height=\"{BAR}\"/>"));
            line(format!("<text x=\"{:.1}\" y=\"{middle}\">{}</text>", LEFT + width + 6.0, number(*value)));
        }
        if let Some((name, at)) = &self.mark {
            let x = LEFT + at * scale;
            line(format!("<line class=\"mark\" x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{foot}\"/>", TOP - 6.0));
            line(format!("<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>", foot + 14.0, escape(name)));
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// A figure with about three digits, thousands apart.
pub(crate) fn number(value: f64) -> String {
    match value {
        value if !value.is_finite() => "–".to_owned(),
        value if value.abs() >= 100.0 => {
            let digits = format!("{value:.0}");
            let mut text = String::new();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at).is_multiple_of(3) && !text.ends_with('-') {
                    text.push(',');
                }
                text.push(digit);
            }
            text
        }
        value if value.abs() >= 10.0 => format!("{value:.1}"),
        value => {
            let mut text = String::new();
            let _ = write!(text, "{value:.2}");
            text
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_as_precise_as_they_are_worth() {
        let all = [0.654, 7.0, 12.34, 123.4, 1234.5, 1_234_567.0, f64::NAN].map(number);
        assert_eq!(all, ["0.65", "7.00", "12.3", "123", "1,234", "1,234,567", "–"]);
    }

    #[test]
    fn the_longest_bar_fills_the_plot_and_text_is_escaped() {
        let bars = vec![("a & b".to_owned(), 50.0), ("c".to_owned(), 25.0)];
        let svg = Plot { title: "t < u".to_owned(), bars, mark: Some(("limit".to_owned(), 100.0)) }.svg();
        assert!(svg.contains("t &lt; u") && svg.contains("a &amp; b"), "{svg}");
        assert!(
            svg.contains("width=\"185.0\"") && svg.contains("width=\"92.5\"") && svg.contains("x1=\"600.0\""),
            "{svg}"
        );
        assert_eq!(svg.matches("<rect").count(), 2);
    }
}
