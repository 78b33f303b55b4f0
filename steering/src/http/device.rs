//! On what does this client play?
//!
//! Who wants to be sure says `device=tv` in the steering URL; else the `User-Agent` header is read. It is matched by the
//! words that makers put there on purpose and have kept for ten years, most telling first: a television says Android and
//! Linux too, a tablet says Android without Mobile. What says nothing known is of no class, and matches none: a wrong class
//! would apply a rule that was meant for others. A library of device models would know more and be out of date sooner.

use fairway_policies::Device;

/// Words of a class, in the order in which they are looked for.
const WORDS: [(Device, &[&str]); 5] = [
    (Device::Console, &["PlayStation", "Xbox", "Nintendo"]),
    (
        Device::Tv,
        &[
            "SmartTV",
            "SMART-TV",
            "Smart-TV",
            "HbbTV",
            "Tizen",
            "Web0S",
            "webOS.TV",
            "AppleTV",
            "Apple TV",
            "tvOS",
            "BRAVIA",
            "CrKey",
            "Android TV",
            "GoogleTV",
            "Google TV",
            "Roku",
            "AFT",
            "VIDAA",
            "NetCast",
            "DTV",
        ],
    ),
    (Device::Tablet, &["iPad", "Tablet"]),
    (Device::Phone, &["iPhone", "iPod", "Mobile"]),
    (Device::Desktop, &["Windows NT", "Macintosh", "CrOS", "X11"]),
];

/// The class that this `User-Agent` is of.
pub(super) fn of_user_agent(agent: &str) -> Option<Device> {
    let says = |words: &[&str]| words.iter().any(|word| agent.contains(word));
    let class = WORDS.iter().find(|(_, words)| says(words)).map(|(class, _)| *class);
    class.or_else(|| agent.contains("Android").then_some(Device::Tablet))
}

/// The class of this word, as in a policy.
pub(super) fn of_word(word: &str) -> Option<Device> {
    Device::ALL.into_iter().find(|class| class.word().eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_agents_as_they_are_sent() {
        let rows = [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140 Safari/537.36",
                Some(Device::Desktop),
            ),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/18.0 Safari/605.1.15", Some(Device::Desktop)),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148", Some(Device::Phone)),
            ("Mozilla/5.0 (iPad; CPU OS 17_0 like Mac OS X) Mobile/15E148", Some(Device::Tablet)),
            ("Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/140 Mobile Safari/537.36", Some(Device::Phone)),
            ("Mozilla/5.0 (Linux; Android 14; SM-X910) Chrome/140 Safari/537.36", Some(Device::Tablet)),
            ("Mozilla/5.0 (Linux; Android 11; AFTKA) Silk/120", Some(Device::Tv)),
            ("Mozilla/5.0 (SMART-TV; LINUX; Tizen 7.0) Version/7.0 TV Safari/537.36", Some(Device::Tv)),
            ("Mozilla/5.0 (Web0S; Linux/SmartTV) Chrome/108 Safari/537.36", Some(Device::Tv)),
            ("AppleCoreMedia/1.0.0.22J357 (Apple TV; U; CPU OS 18_0 like Mac OS X; en_us)", Some(Device::Tv)),
            ("Mozilla/5.0 (PlayStation; PlayStation 5/8.20) Version/16.4 Safari/605.1.15", Some(Device::Console)),
            ("curl/8.5.0", None),
            ("", None),
        ];
        for (agent, class) in rows {
            assert_eq!(of_user_agent(agent), class, "{agent}");
        }
    }

    #[test]
    fn a_class_by_its_word() {
        assert_eq!((of_word("TV"), of_word("phone"), of_word("fridge")), (Some(Device::Tv), Some(Device::Phone), None));
    }
}
