//! Which continent a country is on, for data that names the country only.

use crate::place::{Continent, Country};

/// Every ISO 3166-1 code, and XK (Kosovo, which the data uses), under the continent that GeoNames has it on.
const COUNTRIES: [(Continent, &str); 7] = [
    (
        Continent::Af,
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW KE KM LR LS LY MA MG ML MR MU MW MZ NA NE NG \
         RE RW SC SD SH SL SN SO SS ST SZ TD TG TN TZ UG YT ZA ZM ZW",
    ),
    (Continent::An, "AQ BV GS HM TF"),
    (
        Continent::As,
        "AE AF AM AZ BD BH BN BT CC CN CX GE HK ID IL IN IO IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN MO MV MY NP OM PH \
         PK PS QA SA SG SY TH TJ TM TR TW UZ VN YE",
    ),
    (
        Continent::Eu,
        "AD AL AT AX BA BE BG BY CH CY CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU LV MC MD ME MK MT \
         NL NO PL PT RO RS RU SE SI SJ SK SM UA VA XK",
    ),
    (
        Continent::Na,
        "AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX NI PA PM PR SV SX TC TT US \
         VC VG VI",
    ),
    (Continent::Oc, "AS AU CK FJ FM GU KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TL TO TV UM VU WF WS"),
    (Continent::Sa, "AR BO BR CL CO EC FK GF GY PE PY SR UY VE"),
];

/// By the code's letters: cells are put under their continents a million at a time.
const BY_LETTERS: [Option<Continent>; LETTERS * LETTERS] = {
    let mut by_letters = [None; LETTERS * LETTERS];
    let mut at = 0;
    while at < COUNTRIES.len() {
        let (continent, codes) = (COUNTRIES[at].0, COUNTRIES[at].1.as_bytes());
        // Two letters, and a blank between.
        let mut code = 0;
        while code < codes.len() {
            by_letters[place(codes[code], codes[code + 1])] = Some(continent);
            code += 3;
        }
        at += 1;
    }
    by_letters
};
const LETTERS: usize = 26;

const fn place(first: u8, second: u8) -> usize {
    (first - b'A') as usize * LETTERS + (second - b'A') as usize
}

impl Country {
    /// The continent that it is on; `None` for a code that is no country's.
    pub fn continent(self) -> Option<Continent> {
        let [first, second] = self.letters();
        BY_LETTERS[place(first, second)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_is_on_one_continent() {
        let codes: Vec<&str> = COUNTRIES.iter().flat_map(|(_, codes)| codes.split(' ')).collect();
        assert_eq!(codes.len(), 250, "249 of ISO 3166-1, and XK");
        assert_eq!(codes.iter().collect::<std::collections::BTreeSet<_>>().len(), 250);
        for (code, continent) in
            [("DE", Continent::Eu), ("BR", Continent::Sa), ("JP", Continent::As), ("XK", Continent::Eu)]
        {
            assert_eq!(code.parse::<Country>().unwrap().continent(), Some(continent));
        }
        assert_eq!("ZZ".parse::<Country>().unwrap().continent(), None);
    }
}
