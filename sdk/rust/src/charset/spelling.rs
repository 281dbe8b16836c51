//! How letters are written where a character set does not have them.
//!
//! Letters with marks lose the mark (Unicode's compatibility decompositions, UnicodeData.txt); umlauts, ligatures,
//! punctuation and currencies by the usual spelling. No replacement holds `<`, `>`, `&` or a comma, so that none can
//! become markup or a separator.

/// Replacement and the letters that it stands for.
const SPELLINGS: &[(&str, &str)] = &[
    ("", "¤\u{ad}¶¸\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2060}︎️\u{feff}"),
    (" ", "\u{a0}\u{2002}\u{2003}\u{2007}\u{2009}\u{200a}\u{2028}\u{2029}\u{202f}"),
    ("!", "¡"),
    ("!=", "≠"),
    ("\"", "¨«»“”„‟″"),
    ("'", "´ʼ‘’‚‛′‹›"),
    ("'n", "ŉ"),
    ("(C)", "©"),
    ("(R)", "®"),
    ("(TM)", "™"),
    ("*", "•■●★☆"),
    ("+", "†‡"),
    ("+/-", "±"),
    ("-", "¬¯‐‑‒–—―−"),
    (".", "·"),
    ("...", "…"),
    ("/", "÷⁄"),
    ("0", "⁰"),
    ("1", "¹"),
    ("1/2", "½"),
    ("1/3", "⅓"),
    ("1/4", "¼"),
    ("1/8", "⅛"),
    ("2", "²"),
    ("2/3", "⅔"),
    ("3", "³"),
    ("3/4", "¾"),
    ("3/8", "⅜"),
    ("4", "⁴"),
    ("5", "⁵"),
    ("5/8", "⅝"),
    ("6", "⁶"),
    ("7", "⁷"),
    ("7/8", "⅞"),
    ("8", "⁸"),
    ("9", "⁹"),
    ("?", "¿"),
    ("A", "ÀÁÂÃÅĀĂĄǍǞǠǺȀȂȦḀẠẢẤẦẨẪẬẮẰẲẴẶ"),
    ("AE", "Æ"),
    ("Ae", "Ä"),
    ("B", "ḂḄḆ"),
    ("BTC", "₿"),
    ("C", "ÇĆĈĊČḈ℃"),
    ("D", "ÐĎĐḊḌḎḐḒ"),
    ("DZ", "ǄǱ"),
    ("Dz", "ǅǲ"),
    ("E", "ÈÉÊËĒĔĖĘĚƎƏȄȆȨḔḖḘḚḜẸẺẼẾỀỂỄỆ"),
    ("EUR", "€"),
    ("F", "Ḟ"),
    ("G", "ĜĞĠĢǦǴḠ"),
    ("GBP", "£₤"),
    ("H", "ĤĦȞḢḤḦḨḪ"),
    ("I", "ÌÍÎÏĨĪĬĮİǏȈȊḬḮỈỊ"),
    ("IJ", "Ĳ"),
    ("INR", "₹"),
    ("J", "Ĵ"),
    ("JPY", "¥"),
    ("K", "ĶǨḰḲḴ"),
    ("KRW", "₩"),
    ("L", "ĹĻĽĿŁḶḸḺḼ"),
    ("LJ", "Ǉ"),
    ("Lj", "ǈ"),
    ("M", "ḾṀṂ"),
    ("N", "ÑŃŅŇŊǸṄṆṈṊ"),
    ("NJ", "Ǌ"),
    ("Nj", "ǋ"),
    ("No.", "№"),
    ("O", "ÒÓÔÕØŌŎŐƠǑǪǬȌȎȪȬȮȰṌṎṐṒỌỎỐỒỔỖỘỚỜỞỠỢ"),
    ("OE", "Œ"),
    ("Oe", "Ö"),
    ("Ohm", "Ω"),
    ("P", "ṔṖ"),
    ("Pts", "₧"),
    ("R", "ŔŖŘȐȒṘṚṜṞ"),
    ("RUB", "₽"),
    ("S", "ŚŜŞŠȘṠṢṤṦṨ"),
    ("SS", "ẞ"),
    ("T", "ŢŤŦȚṪṬṮṰ"),
    ("TRY", "₺"),
    ("Th", "Þ"),
    ("U", "ÙÚÛŨŪŬŮŰŲƯǓǕǗǙǛȔȖṲṴṶṸṺỤỦỨỪỬỮỰ"),
    ("UAH", "₴"),
    ("Ue", "Ü"),
    ("V", "ṼṾ"),
    ("VND", "₫"),
    ("W", "ŴẀẂẄẆẈ"),
    ("X", "ẊẌ"),
    ("Y", "ÝŶŸȲẎỲỴỶỸ"),
    ("Z", "ŹŻŽẐẒẔ"),
    ("^", "ˆˇ"),
    ("a", "ªàáâãåāăąǎǟǡǻȁȃȧḁạảấầẩẫậắằẳẵặ"),
    ("ae", "äæ"),
    ("alpha", "α"),
    ("b", "ḃḅḇ"),
    ("beta", "β"),
    ("c", "çćĉċčḉ"),
    ("ct", "¢"),
    ("d", "ðďđḋḍḏḑḓ"),
    ("deg", "°"),
    ("dz", "ǆǳ"),
    ("e", "èéêëēĕėęěǝȅȇȩəḕḗḙḛḝẹẻẽếềểễệ℮"),
    ("f", "ƒḟ"),
    ("ff", "ﬀ"),
    ("ffi", "ﬃ"),
    ("ffl", "ﬄ"),
    ("fi", "ﬁ"),
    ("fl", "ﬂ"),
    ("g", "ĝğġģǧǵḡ"),
    ("h", "ĥħȟḣḥḧḩḫẖ"),
    ("i", "ìíîïĩīĭįıǐȉȋḭḯỉị"),
    ("ij", "ĳ"),
    ("inf", "∞"),
    ("j", "ĵǰ"),
    ("k", "ķĸǩḱḳḵ"),
    ("l", "ĺļľŀłḷḹḻḽ"),
    ("lj", "ǉ"),
    ("m", "ḿṁṃ"),
    ("n", "ñńņňŋǹṅṇṉṋⁿ"),
    ("nj", "ǌ"),
    ("o", "ºòóôõøōŏőơǒǫǭȍȏȫȭȯȱṍṏṑṓọỏốồổỗộớờởỡợ"),
    ("oe", "öœ"),
    ("p", "ṕṗ"),
    ("par.", "§"),
    ("permille", "‰"),
    ("pi", "π"),
    ("r", "ŕŗřȑȓṙṛṝṟ"),
    ("s", "śŝşšſșṡṣṥṧṩẛ"),
    ("sqrt", "√"),
    ("ss", "ß"),
    ("t", "ţťŧțṫṭṯṱẗ"),
    ("th", "þ"),
    ("u", "µùúûũūŭůűųưǔǖǘǚǜȕȗṳṵṷṹṻụủứừửữự"),
    ("ue", "ü"),
    ("v", "ṽṿ"),
    ("w", "ŵẁẃẅẇẉẘ"),
    ("x", "×ẋẍ✓✔"),
    ("y", "ýÿŷȳẏẙỳỵỷỹ"),
    ("z", "źżžẑẓẕ"),
    ("|", "¦"),
    ("~", "˜≈"),
];

/// The usual spelling in ASCII; empty for marks that carry nothing alone. None for letters of other scripts, emoji and
/// the like.
#[must_use]
pub fn spelling(letter: char) -> Option<&'static str> {
    match letter {
        // Combining marks: the letter before them stays.
        '\u{300}'..='\u{36F}' => Some(""),
        _ => SPELLINGS.iter().find(|(_, letters)| letters.contains(letter)).map(|(spelling, _)| *spelling),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_harmless_ascii_and_no_letter_has_two() {
        let mut seen = std::collections::BTreeSet::new();
        for (spelling, letters) in SPELLINGS {
            assert!(spelling.is_ascii() && !spelling.contains(['<', '>', '&', ',', ';', '\n']), "{spelling}");
            for letter in letters.chars() {
                assert!(!letter.is_ascii() && seen.insert(letter), "{letter}");
            }
        }
        assert_eq!(spelling('ł'), Some("l"));
        assert_eq!(spelling('€'), Some("EUR"));
        assert_eq!(spelling('“'), Some("\""));
        assert_eq!(spelling('ş'), Some("s"));
        assert_eq!(spelling('ế'), Some("e"));
        assert_eq!(spelling('ж'), None);
        assert_eq!(spelling('🎁'), None);
    }
}
