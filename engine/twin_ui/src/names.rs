//! Names of a building's parts as people read them: without GlobalIds, codes cut to what tells them apart.

use std::collections::BTreeMap;
use twin_model::{BuildingPlan, PlanSpace, PlanStair, SpaceIndex, SpaceUse, StoreyIndex};

/// Characters of an IFC GlobalId (ISO 16739-1, `IfcGloballyUniqueId`).
const ID_LENGTH: usize = 22;

/// A name before and after the GlobalId in brackets that plans from IFC append: `"1单元楼梯 (2def…) 1F-2F"` is
/// `("1单元楼梯", " 1F-2F")`.
fn around_id(text: &str) -> (&str, &str) {
    let is_id = |inner: &str| inner.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$');
    for (open, _) in text.match_indices(" (") {
        let inner = &text[open + 2..];
        if inner.as_bytes().get(ID_LENGTH) == Some(&b')') && inner.get(..ID_LENGTH).is_some_and(is_id) {
            return (&text[..open], &inner[ID_LENGTH + 1..]);
        }
    }
    (text, "")
}

/// The name without GlobalId and without what follows it; the name that scenarios give to all flights of a stair.
pub(crate) fn plain(text: &str) -> &str {
    around_id(text).0
}

/// A door or stair: no GlobalId, and of the names that Revit writes (`family:type:number`) the family and the number.
pub(crate) fn element(text: &str) -> String {
    let (name, after) = around_id(text);
    let number = name.rsplit_once(':').filter(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    match (name.split_once(':'), number) {
        (Some((family, _)), Some((_, number))) => format!("{family} {number}{after}"),
        _ => format!("{name}{after}"),
    }
}

/// A place of a result, `storey/name` or a stair: `"5F 14 公共走廊"`. A code of four or more parts keeps the last two, and of
/// these not a storey (`F05`), which stands in front already.
pub(crate) fn place(text: &str) -> String {
    let Some((storey, name)) = text.split_once('/') else { return element(text) };
    let (code, words) = name.split_once(' ').unwrap_or((name, ""));
    let parts: Vec<&str> = code.split('-').collect();
    if parts.len() < 4 || !code.is_ascii() {
        return format!("{storey} {name}");
    }
    let is_storey = |p: &str| p.strip_prefix('F').is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    let kept = if is_storey(parts[parts.len() - 2]) { 1 } else { 2 };
    format!("{storey} {} {words}", parts[parts.len() - kept..].join("-")).trim_end().to_owned()
}

/// [`element`] of every name; those that read the same are numbered in their order.
pub(crate) fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let words: Vec<String> = names.map(element).collect();
    let mut count = BTreeMap::<&str, usize>::new();
    words.iter().for_each(|w| *count.entry(w).or_default() += 1);
    let mut seen = BTreeMap::<&str, usize>::new();
    let mut list = Vec::with_capacity(words.len());
    for word in &words {
        let n = seen.entry(word).or_default();
        *n += 1;
        list.push(if count.get(word.as_str()) > Some(&1) { format!("{word} {n}") } else { word.clone() });
    }
    list
}

/// The spaces of a storey where something can burn or smoke be drawn off, with the names of [`BuildingPlan::space_label`].
pub(crate) fn rooms(plan: &BuildingPlan, storey: StoreyIndex) -> impl Iterator<Item = (String, &PlanSpace)> {
    let all = plan.spaces.iter().enumerate().filter(move |(_, s)| s.storey == storey && s.use_ != SpaceUse::Shaft);
    all.map(|(k, s)| (plan.space_label(SpaceIndex(k as u32)), s))
}

/// The space that a scenario names: `storey/name`, or `name` where one space alone has it.
pub(crate) fn find_space<'a>(plan: &'a BuildingPlan, name: &str) -> Option<&'a PlanSpace> {
    let storey = |s: &PlanSpace| plan.storeys.get(s.storey.index()).map_or("", |storey| storey.name.as_str());
    let rest = |s: &PlanSpace| name.strip_prefix(storey(s)).and_then(|rest| rest.strip_prefix('/'));
    if let Some(full) = plan.spaces.iter().find(|s| rest(s) == Some(s.name.as_str())) {
        return Some(full);
    }
    let mut called = plan.spaces.iter().filter(|s| s.name == name);
    called.next().filter(|_| called.next().is_none())
}

/// One name for each stair (its flights share it), in the plan's order.
pub(crate) fn stairs(plan: &BuildingPlan) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for stair in &plan.stairs {
        let name = plain(&stair.name);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Whether a scenario's name stands for a stair of the plan: in full, without its GlobalId, or with the storeys it joins.
pub(crate) fn has_stair(plan: &BuildingPlan, name: &str) -> bool {
    let storey = |space: SpaceIndex| {
        let storey = plan.spaces.get(space.index()).and_then(|s| plan.storeys.get(s.storey.index()));
        storey.map_or("?", |s| s.name.as_str())
    };
    let joined = |s: &PlanStair| format!("{} {}-{}", s.name, storey(s.lower), storey(s.upper));
    plan.stairs.iter().any(|s| s.name == name || plain(&s.name) == name || joined(s) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAIR: &str = "1单元楼梯 (2defL3I7dSUHMRY2HsH3qM) 1F-2F";

    #[test]
    fn ids_and_codes_are_left_out() {
        assert_eq!((plain(STAIR), element(STAIR).as_str()), ("1单元楼梯", "1单元楼梯 1F-2F"));
        assert_eq!(element("单元门-1F (07$aGVae0a7lVSwgqgLh__)"), "单元门-1F");
        assert_eq!(element("会议室 (2)"), "会议室 (2)", "not a GlobalId");
        assert_eq!(element("门 (住住住住住住住住住住住住)"), "门 (住住住住住住住住住住住住)");
        let revit = "Stair:Residential - 200mm Max Riser 250mm Tread:151086 (0wkEuT1wr1kOyafLY4v_O1) Level 1-Level 2";
        assert_eq!(element(revit), "Stair 151086 Level 1-Level 2");
        assert_eq!(place("5F/LW01001-U1-F05-14 公共走廊"), "5F 14 公共走廊");
        assert_eq!(place("5F/LW01001-U1-F05-0501-0 客厅"), "5F 0501-0 客厅");
        assert_eq!(place("Level 1/B102 Living Room"), "Level 1 B102 Living Room");
        assert_eq!(place("1F/A-B-C-D"), "1F C-D");
        assert_eq!(place(STAIR), "1单元楼梯 1F-2F");
    }

    #[test]
    fn spaces_and_stairs_are_found_by_the_names_that_scenarios_use() {
        let plan = crate::sample::plan();
        let storey = |name: &str| find_space(&plan, name).map(|s| s.storey.0);
        assert_eq!((storey("3F/走道"), storey("1F/101 客厅")), (Some(2), Some(0)));
        assert_eq!(storey("走道"), None, "every storey has one");
        assert_eq!((storey("3F走道"), storey("")), (None, None));
        assert_eq!(stairs(&plan), ["1单元楼梯", "2单元楼梯"]);
        let found =
            ["1单元楼梯", "1单元楼梯 (2defL3I7dSUHMRY2HsH3qM)", STAIR, "3单元楼梯"].map(|s| has_stair(&plan, s));
        assert_eq!(found, [true, true, true, false]);
        let rooms: Vec<String> = rooms(&plan, StoreyIndex(1)).map(|(label, _)| label).collect();
        assert_eq!((rooms.len(), rooms[0].as_str()), (3, "2F/走道"));
    }

    #[test]
    fn doors_that_read_the_same_are_numbered() {
        let doors = ["单元门-1F (29K6OsgHAk5iwTQGO8L_uS)", "后门", "单元门-1F (07$aGVae0a7lVSwgqgLh__)"];
        assert_eq!(distinct(doors.into_iter()), ["单元门-1F 1", "后门", "单元门-1F 2"]);
    }
}
