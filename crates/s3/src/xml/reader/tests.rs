use super::*;
use proptest::prelude::*;

fn delete(body: &str) -> Result<Element, Malformed> {
    parse(body.as_bytes(), "Delete", 100)
}

const XMLNS: &str = r#"xmlns="http://s3.amazonaws.com/doc/2006-03-01/""#;

#[test]
fn any_prefix_of_s3s_namespace_or_none_at_all_reads_the_same() {
    let plain = delete("<Delete><Quiet>true</Quiet></Delete>").unwrap();
    for same in [
        format!("<Delete {XMLNS}><Quiet>true</Quiet></Delete>"),
        "<a:Delete xmlns:a='http://s3.amazonaws.com/doc/2006-03-01/'><a:Quiet>true</a:Quiet></a:Delete>".into(),
        "<a:Delete xmlns:a='http://s3.amazonaws.com/doc/2006-03-01/'><Quiet>true</Quiet></a:Delete>".into(),
        format!(
            "\u{feff}<?xml version='1.0' encoding='UTF-8'?>\n<!-- c --><Delete {XMLNS}>\n<Quiet>true</Quiet>\n</Delete>\n"
        ),
        "<Delete><Quiet><![CDATA[tr]]>u<![CDATA[e]]></Quiet></Delete>".into(),
        "<Delete><Quiet>&#116;r&#x75;e</Quiet></Delete>".into(),
    ] {
        let read = delete(&same).unwrap();
        assert_eq!(read.one_text("Quiet"), plain.one_text("Quiet"), "{same}");
    }
}

#[test]
fn what_is_no_document_of_s3_is_refused() {
    for bad in [
        "",
        "Delete",
        "<Delete>",
        "<Delete></delete>",
        "<Delete/><Delete/>",
        "<Delete/>x",
        "<Other/>",
        "<Delete xmlns='http://s3.amazonaws.com/doc/2007-01-01/'/>",
        "<Delete xmlns:x='urn:x'><x:Quiet>true</x:Quiet></Delete>",
        "<x:Delete/>",
        "<Delete a='1' a='2'/>",
        "<Delete x:a='1'/>",
        "<Delete>mixed<Quiet>true</Quiet></Delete>",
        "<Delete><Quiet>&nbsp;</Quiet></Delete>",
        "<Delete><Quiet>&#0;</Quiet></Delete>",
        "<Delete><Quiet>&#xD800;</Quiet></Delete>",
        "<Delete><Quiet>true\0</Quiet></Delete>",
        "<Delete><Quiet>\u{1}</Quiet></Delete>",
        "<Delete><Quiet>\u{fffe}</Quiet></Delete>",
        "<Delete><Quiet>a & b</Quiet></Delete>",
        "<?xml version='1.0' encoding='ISO-8859-1'?><Delete/>",
        "<?pi x?><Delete/>",
    ] {
        assert_eq!(delete(bad), Err(Malformed), "{bad}");
    }
    assert_eq!(parse(b"<Delete><Quiet>\xff</Quiet></Delete>", "Delete", 10), Err(Malformed));
}

#[test]
fn entities_are_never_declared_so_they_never_expand() {
    let mut bomb = String::from("<!DOCTYPE Delete [<!ENTITY a0 'ha'>");
    (1..20).for_each(|n| bomb.push_str(&format!("<!ENTITY a{n} '&a{};&a{};'>", n - 1, n - 1)));
    bomb.push_str("]><Delete><Quiet>&a19;</Quiet></Delete>");
    assert_eq!(delete(&bomb), Err(Malformed));
    let file = "<!DOCTYPE Delete [<!ENTITY f SYSTEM 'file:///etc/passwd'>]><Delete><Quiet>&f;</Quiet></Delete>";
    assert_eq!(delete(file), Err(Malformed));
}

#[test]
fn depth_elements_and_attributes_are_bounded() {
    let nested = |n: usize| format!("{}{}", "<Delete>".repeat(n), "</Delete>".repeat(n));
    assert!(delete(&nested(DEPTH)).is_ok());
    assert_eq!(delete(&nested(DEPTH + 1)), Err(Malformed));
    assert_eq!(delete(&"<Delete>".repeat(1_000_000)), Err(Malformed));
    let wide = |n: usize| format!("<Delete>{}</Delete>", "<Object/>".repeat(n));
    assert!(delete(&wide(99)).is_ok());
    assert_eq!(delete(&wide(100)), Err(Malformed));
    let attributes = |n: usize| (0..n).map(|n| format!(" a{n}='1'")).collect::<String>();
    assert!(delete(&format!("<Delete{}/>", attributes(ATTRIBUTES))).is_ok());
    assert_eq!(delete(&format!("<Delete{}/>", attributes(ATTRIBUTES + 1))), Err(Malformed));
}

#[test]
fn a_child_that_nobody_reads_and_one_that_is_said_twice_are_refused() {
    let read = delete("<Delete><Quiet>true</Quiet><Quiet>false</Quiet><Object/></Delete>").unwrap();
    assert_eq!(read.maybe("Quiet"), Err(Malformed));
    assert_eq!(read.one("Nothing"), Err(Malformed));
    assert_eq!(read.only(&["Quiet"]), Err(Malformed));
    assert_eq!(read.only(&["Quiet", "Object"]), Ok(()));
}

#[test]
fn a_type_is_known_by_its_namespace_not_by_its_prefix() {
    let kind = |attributes: &str| delete(&format!("<Delete {attributes}/>")).map(|e| e.kind);
    let xsi = "http://www.w3.org/2001/XMLSchema-instance";
    assert_eq!(kind(&format!("xmlns:q='{xsi}' q:type='Group'")), Ok(Some("Group".into())));
    assert_eq!(kind("xmlns:xsi='urn:other' xsi:type='Group'"), Ok(None));
    assert_eq!(kind("type='Group'"), Ok(None));
    assert_eq!(kind("xsi:type='Group'"), Err(Malformed));
    assert_eq!(kind(&format!("xmlns:q='{xsi}' xmlns:r='{xsi}' q:type='A' r:type='B'")), Err(Malformed));
}

proptest! {
    #[test]
    fn what_the_writer_writes_the_reader_reads(text in "\\PC*|[ -~\\t\\r\\n\u{1}\u{7f}]*") {
        let mut xml = crate::xml::Xml::new("Delete");
        xml.element("Key", &text);
        let written = xml.finish();
        let read = parse(written.as_bytes(), "Delete", 10).unwrap();
        prop_assert_eq!(read.one_text("Key").unwrap(), text);
    }

    #[test]
    fn no_bytes_at_all_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[<>/&;a-c:!\\[\\]CDAT'=\"? #x0-9-]{0,80}") {
        let _ = parse(&bytes, "Delete", 100);
        let _ = parse(text.as_bytes(), "Delete", 100);
    }
}
