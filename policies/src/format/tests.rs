use super::format;

fn formatted(text: &str) -> String {
    let once = format("t.policy.toml", text).unwrap();
    assert_eq!(format("t.policy.toml", &once).unwrap(), once, "to format it again must change nothing");
    once
}

#[test]
fn spaces_quotes_and_blank_lines_have_one_form() {
    let text = "\n\n# head\r\nnames=['a.example']   \r\n\r\n\r\nttl  =  \"20s\"#short\n[[ pathway ]]#first\n\n\nid='a'\n\"url\" = 'C:\\x'\n'a.b' . c=1\n\n# of the step\n# and more\n[[step]]\ndo = \"x\"\n# at the end\n\n\n";
    let expected = "\
# head
names = [\"a.example\"]

ttl = \"20s\" #short

[[pathway]] #first
id = \"a\"
url = 'C:\\x'
\"a.b\".c = 1

# of the step
# and more
[[step]]
do = \"x\"
# at the end
";
    assert_eq!(formatted(text), expected);
    assert_eq!(formatted(""), "");
    assert_eq!(formatted("\n\n"), "");
}

#[test]
fn comments_behind_neighbouring_lines_begin_in_one_column() {
    let text = "a = 1 # one\nlonger = 22       # two\n# between\nb = 3  # three\n\nc = 4 # four\n";
    let expected = "a = 1       # one\nlonger = 22 # two\n# between\nb = 3 # three\n\nc = 4 # four\n";
    assert_eq!(formatted(text), expected);
    let far = format!("a = 1 # one\nb = \"{}\" # two\n", "x".repeat(110));
    assert_eq!(formatted(&far), far, "there is no room for a common column");
}

#[test]
fn comments_in_lists_stay_at_what_they_are_about() {
    let text = "a = [ # first\n 1, # one\n  # before two\n  2 # two\n , 3\n # last\n]\nb = [[1,2],[3]]\nc = { # in\n x=1, y =2 }\n";
    let expected = "\
a = [
    # first
    1, # one
    # before two
    2, # two
    3,
    # last
]
b = [[1, 2], [3]]
c = {
    # in
    x = 1,
    y = 2,
}
";
    assert_eq!(formatted(text), expected);
}

#[test]
fn long_lists_are_filled_and_tables_in_braces_stay_on_a_line() {
    let codes: Vec<String> = (0..40).map(|i| format!("\"{}\"", (b'A' + i % 26) as char)).collect();
    let when = format!("when = {{ country = [{}], asn = [1] }}\n", codes.join(","));
    let out = formatted(&when);
    assert!(
        out.starts_with("when = { country = [\n    \"A\", \"B\", ") && out.ends_with("\n], asn = [1] }\n"),
        "{out}"
    );
    assert!(out.lines().all(|line| line.chars().count() <= 120), "{out}");
    let cells =
        format!("cells = [{}]\n", ["{ pathway = \"cdn-a\", sessions = 400, stall_ratio = 0.04 }"; 3].join(", "));
    let cell = "    { pathway = \"cdn-a\", sessions = 400, stall_ratio = 0.04 },\n";
    assert_eq!(formatted(&cells), format!("cells = [\n{}]\n", cell.repeat(3)));
}

#[test]
fn what_is_written_over_several_lines_stays_as_it_is() {
    let text = "a = \"\"\"\n  two\n\n lines\"\"\"\nb = '''x\n'''\nc = 0x_ff # no\n";
    let text = text.replace("0x_ff", "0xf_f");
    assert_eq!(formatted(&text), text);
}

#[test]
fn what_is_not_toml_is_told_and_a_policy_with_problems_is_formatted() {
    let problems = format("t.policy.toml", "a = \nb = 1").unwrap_err();
    assert_eq!(problems[0].line, 1);
    assert_eq!(formatted("tll='20s'"), "tll = \"20s\"\n");
}
