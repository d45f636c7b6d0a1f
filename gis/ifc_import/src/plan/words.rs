//! What a space is for, from the words that planners write (房间用途词).

use twin_model::SpaceUse;

/// Words in order of precedence: the first line with a word that occurs decides. English words match whole words,
/// Chinese ones anywhere. German words are those of the common sample files.
const WORDS: [(SpaceUse, &[&str]); 11] = [
    (SpaceUse::Service, &["电梯机房", "elev eq", "elevator equipment", "machine room", "elevator machine"]),
    (
        SpaceUse::Shaft,
        &[
            "电梯井",
            "管道井",
            "管井",
            "水井",
            "电井",
            "风井",
            "烟道",
            "竖井",
            "井道",
            "shaft",
            "duct",
            "riser",
            "hoistway",
            "elevator",
            "elev",
            "schacht",
        ],
    ),
    (
        SpaceUse::Stair,
        &["楼梯", "梯间", "梯段", "休息平台", "stair", "stairs", "staircase", "stairwell", "treppe", "treppenhaus"],
    ),
    (
        SpaceUse::Circulation,
        &[
            "走廊",
            "走道",
            "过道",
            "通道",
            "门厅",
            "大堂",
            "前室",
            "玄关",
            "门斗",
            "连廊",
            "corridor",
            "corr",
            "hall",
            "hallway",
            "lobby",
            "foyer",
            "passage",
            "vestibule",
            "entry",
            "entrance",
            "circulation",
            "aisle",
            "landing",
            "flur",
            "diele",
        ],
    ),
    (SpaceUse::Parking, &["车库", "车位", "停车", "garage", "parking", "carport"]),
    (
        SpaceUse::Assembly,
        &[
            "教室",
            "会议",
            "报告厅",
            "礼堂",
            "多功能厅",
            "活动室",
            "阅览",
            "影厅",
            "食堂",
            "餐厅厅堂",
            "classroom",
            "conference",
            "meeting",
            "auditorium",
            "assembly",
            "lecture",
            "theater",
            "theatre",
            "cafeteria",
            "canteen",
            "training",
            "briefing",
        ],
    ),
    (
        SpaceUse::Dwelling,
        &[
            "套内",
            "客厅",
            "起居",
            "卧室",
            "主卧",
            "次卧",
            "北卧",
            "南卧",
            "书房",
            "餐厅",
            "厨房",
            "卫生间",
            "主卫",
            "次卫",
            "浴室",
            "阳台",
            "住宅",
            "户内",
            "living",
            "bedroom",
            "kitchen",
            "bathroom",
            "bath",
            "dining",
            "apartment",
            "flat",
            "dwelling",
            "schlafzimmer",
            "wohnen",
            "bad",
            "küche",
            "galerie",
            "gallery",
        ],
    ),
    (SpaceUse::Shop, &["商店", "商铺", "商业", "超市", "店铺", "营业厅", "shop", "retail", "store front", "sales"]),
    (SpaceUse::Office, &["办公", "值班", "接待", "office", "off", "workstation", "reception", "team", "buero", "büro"]),
    (
        SpaceUse::Service,
        &[
            "设备",
            "机房",
            "配电",
            "库房",
            "储藏",
            "储物",
            "泵房",
            "风机房",
            "消防控制",
            "厕所",
            "洗手间",
            "更衣",
            "清洁间",
            "垃圾",
            "mech",
            "elec",
            "mechanical",
            "electrical",
            "plant",
            "storage",
            "stor",
            "store",
            "utility",
            "janitor",
            "toilet",
            "wc",
            "rr",
            "restroom",
            "laundry",
            "closet",
            "server",
            "boiler",
            "pantry",
            "tele",
        ],
    ),
    // After everything that says more.
    (SpaceUse::Dwelling, &["room 1", "zimmer"]),
];

/// Use of a space from its texts: name, long name, type, classification, in any order.
pub(crate) fn use_of<'a>(texts: impl Iterator<Item = &'a str>) -> SpaceUse {
    let text = texts.map(str::to_lowercase).collect::<Vec<_>>().join(" | ");
    let padded: String = std::iter::once(' ')
        .chain(text.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }))
        .chain([' '])
        .collect();
    let occurs = |word: &&&str| {
        if word.is_ascii() || word.chars().all(|c| c < '\u{2000}') {
            padded.contains(&format!(" {word} "))
        } else {
            text.contains(**word)
        }
    };
    WORDS.iter().find(|(_, words)| words.iter().any(|w| occurs(&w))).map_or(SpaceUse::Unknown, |(u, _)| *u)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_both_languages_decide() {
        let of = |texts: &[&str]| use_of(texts.iter().copied());
        assert_eq!(of(&["B3-U1-F02-8", "公共走廊", "公共走道"]), SpaceUse::Circulation);
        assert_eq!(of(&["1号电梯井"]), SpaceUse::Shaft);
        assert_eq!(of(&["电梯前室"]), SpaceUse::Circulation);
        assert_eq!(of(&["疏散楼梯间"]), SpaceUse::Stair);
        assert_eq!(of(&["次卧", "套内"]), SpaceUse::Dwelling);
        assert_eq!(of(&["121", "CORRIDOR"]), SpaceUse::Circulation);
        assert_eq!(of(&["CMD CONFERENCE RM"]), SpaceUse::Assembly);
        assert_eq!(of(&["A202", "Bedroom 1"]), SpaceUse::Dwelling);
        assert_eq!(of(&["OPEN OFFICE"]), SpaceUse::Office);
        assert_eq!(of(&["ELEC RM"]), SpaceUse::Service);
        assert_eq!(of(&["123", "ELEV EQ RM"]), SpaceUse::Service);
        assert_eq!(of(&["124", "ELEV"]), SpaceUse::Shaft);
        assert_eq!(of(&["R301", "Roof"]), SpaceUse::Unknown);
        assert_eq!(of(&[]), SpaceUse::Unknown);
    }
}
