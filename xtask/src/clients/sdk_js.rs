//! The AWS SDK for JavaScript, whose uploads carry checksums in trailers unless told otherwise. The checks are
//! `e2e/clients/sdk_js_checks.mjs`.

use super::desk::Desk;
use super::files::write;
use super::script;
use super::sheet::Sheet;
use super::tools::Tool;

pub(super) fn work(desk: &Desk, sheet: &mut Sheet) {
    let program = script::program(desk, Tool::SdkJs).and_then(|program| {
        // Node.js looks for packages from where the script is.
        let path = desk.tools().node_dir().join("sdk_js_checks.mjs");
        Ok(program.arg(write(&path, script::read("sdk_js_checks.mjs")?.as_bytes())?))
    });
    script::run(program, sheet);
}
