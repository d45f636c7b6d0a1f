//! Places the panels in a window.

use crate::model::ViewModel;
use crate::state::UiState;
use crate::theme::Palette;
use crate::widgets::panel_frame;
use crate::{left, lists, selection, timeline, top};
use egui::{Align2, Area, Context, FontId, Id, Order, Pos2, Rect, Ui, pos2, vec2};
use twin_model::Command;

/// Which panels a window has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PanelSet {
    /// Everything.
    #[default]
    Full,
    /// A window of a wall: title, clock, legend and the simulated mark, nothing to operate.
    Wall,
    /// Only the picture.
    None,
}

/// Where the panels, the legend and the simulated mark of a window were in the last frame: labels keep clear of them.
#[must_use]
pub fn panel_rects(ctx: &Context, set: PanelSet) -> Vec<Rect> {
    let names: &[&str] = match set {
        PanelSet::Full => &["top", "left", "right", "timeline"],
        PanelSet::Wall => &["top"],
        PanelSet::None => &[],
    };
    let shown = |m: &egui::Memory, id: Id| m.areas().visible_last_frame(&egui::LayerId::new(Order::Middle, id));
    let mut rects: Vec<Rect> = ctx.memory(|m| {
        let ids = names.iter().map(|name| Id::new(("sandtable", *name)));
        ids.filter(|id| shown(m, *id)).filter_map(|id| m.area_rect(id)).collect()
    });
    if set != PanelSet::None {
        rects.extend(top::mark_rects(ctx));
    }
    rects
}

const GAP: f32 = 10.0;
const TOP_HEIGHT: f32 = 46.0;
const LEFT_WIDTH: f32 = 270.0;
const RIGHT_WIDTH: f32 = 340.0;
const TIMELINE_HEIGHT: f32 = 66.0;
/// Below this width only one side panel has room beside the picture, and the top bar is short.
const NARROW: f32 = 1000.0;

/// Shows the panels of `set` and appends what the person asked for to `commands`. `title` replaces the community's
/// name in wall windows.
pub fn layout(
    ctx: &Context,
    set: PanelSet,
    title: Option<&str>,
    vm: &ViewModel,
    state: &mut UiState,
    commands: &mut Vec<Command>,
) {
    if set == PanelSet::None {
        return;
    }
    state.follow(vm);
    let screen = ctx.content_rect();
    let bar = Rect::from_min_max(screen.min, pos2(screen.right(), screen.top() + TOP_HEIGHT));
    let narrow = screen.width() < NARROW;
    fixed_area(ctx, "top", bar, |ui| top::top_bar(ui, bar, narrow, title, vm, state, commands));
    if set == PanelSet::Wall {
        top::wall_marks(ctx, screen, vm);
        return;
    }
    let below = screen.top() + TOP_HEIGHT + GAP;
    let line_top = screen.bottom() - GAP - TIMELINE_HEIGHT;
    // In a narrow window the timeline has the whole width, and the side panel ends above it.
    let side_height = if narrow { line_top } else { screen.bottom() } - below - GAP;
    let left_rect = Rect::from_min_size(pos2(screen.left() + GAP, below), vec2(LEFT_WIDTH, side_height));
    state.search_shown = !narrow || state.left_open;
    if state.search_shown {
        floating(ctx, "left", left_rect, |ui| left::panel(ui, left_rect, vm, state, commands));
    }
    let right_rect =
        Rect::from_min_size(pos2(screen.right() - GAP - RIGHT_WIDTH, below), vec2(RIGHT_WIDTH, side_height));
    if !(narrow && state.left_open) {
        floating(ctx, "right", right_rect, |ui| right_panel(ui, right_rect, vm, state, commands));
    }
    let (from, to) = if narrow { (screen.left(), screen.right()) } else { (left_rect.right(), right_rect.left()) };
    let line_rect = Rect::from_min_max(pos2(from + GAP, line_top), pos2(to - GAP, screen.bottom() - GAP));
    floating(ctx, "timeline", line_rect, |ui| timeline::panel(ui, line_rect, vm, commands));
    top::banner(ctx, line_rect, vm);
    notices(ctx, pos2(line_rect.center().x, screen.top() + TOP_HEIGHT + 44.0), vm);
    state.typing = ctx.egui_wants_keyboard_input();
}

fn right_panel(ui: &mut Ui, rect: Rect, vm: &ViewModel, state: &mut UiState, commands: &mut Vec<Command>) {
    lists::tabs(ui, vm, state);
    ui.add_space(4.0);
    let room = rect.height() - 72.0;
    egui::ScrollArea::vertical().max_height(room).auto_shrink([false, true]).show(ui, |ui| match state.tab {
        crate::RightTab::Selection => selection::panel(ui, vm, state, commands),
        crate::RightTab::Alarms => lists::alarms(ui, vm, state, commands),
        crate::RightTab::Cases => lists::cases(ui, vm, state, commands),
        crate::RightTab::Edit => crate::edit::panel(ui, vm, state, commands),
    });
}

fn fixed_area(ctx: &Context, name: &str, rect: Rect, add: impl FnOnce(&mut Ui)) {
    Area::new(Id::new(("sandtable", name)))
        .order(Order::Middle)
        .fixed_pos(rect.min)
        .constrain(false)
        .movable(false)
        .show(ctx, |ui| {
            ui.set_min_size(rect.size());
            ui.set_max_size(rect.size());
            add(ui);
        });
}

fn floating(ctx: &Context, name: &str, rect: Rect, add: impl FnOnce(&mut Ui)) {
    Area::new(Id::new(("sandtable", name)))
        .order(Order::Middle)
        .fixed_pos(rect.min)
        .constrain(false)
        .movable(false)
        .default_size(rect.size())
        .show(ctx, |ui| {
            // An area remembers the size that its content had; the room it may take is given anew.
            ui.set_max_size(rect.size());
            let frame = panel_frame();
            let inner = rect.size() - frame.inner_margin.sum() - vec2(2.0, 2.0);
            frame.show(ui, |ui| {
                ui.set_width(inner.x);
                ui.set_max_height(inner.y);
                add(ui);
            });
        });
}

fn notices(ctx: &Context, at: Pos2, vm: &ViewModel) {
    let painter = ctx.layer_painter(egui::LayerId::new(Order::Foreground, Id::new("notices")));
    let mut y = at.y;
    for notice in vm.notices.iter().rev().take(3).rev() {
        let colour = if notice.error { Palette::BAD } else { Palette::GOOD };
        let galley = painter.layout(notice.text.clone(), FontId::proportional(14.0), Palette::TEXT, 520.0);
        let rect = Align2::CENTER_TOP.anchor_size(pos2(at.x, y), galley.size() + vec2(28.0, 14.0));
        painter.rect(rect, 6.0, Palette::PANEL, egui::Stroke::new(1.0, colour), egui::StrokeKind::Inside);
        painter.galley(rect.min + vec2(14.0, 7.0), galley, Palette::TEXT);
        y = rect.bottom() + 6.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RightTab;
    use crate::model::*;
    use crate::sample::context;
    use twin_model::*;

    fn model() -> ViewModel {
        let alarm = AlarmRow {
            id: AlarmId(4),
            entity: EntityId(9),
            building: Some(EntityId(5)),
            place: "柳岸花园 3号楼".into(),
            text: "水位超警戒".into(),
            severity: Severity::Major,
            state: AlarmState::Unacknowledged,
            raised_at: TimeMs(0),
            simulated: false,
        };
        ViewModel {
            community: "柳湾社区".into(),
            now: Some(TimeMs(1_700_000_000_000)),
            link: LinkState::Live,
            layers: LayerKind::ALL
                .iter()
                .map(|k| LayerRow { kind: *k, visible: true, available: true, count: Some(3) })
                .collect(),
            selection: Some(SelectionModel {
                title: "水位计".into(),
                alarms: vec![alarm.clone()],
                ..Default::default()
            }),
            alarms: vec![alarm],
            time: ViewTime::Run { run: RunId(1), t_s: 60.0 },
            run: Some(RunTime { frames_s: vec![0.0, 60.0], duration_s: 600.0, ..Default::default() }),
            ..Default::default()
        }
    }

    fn frame(
        ctx: &Context,
        size: egui::Vec2,
        events: Vec<egui::Event>,
        vm: &ViewModel,
        state: &mut UiState,
    ) -> Vec<Command> {
        let mut commands = Vec::new();
        let input =
            egui::RawInput { screen_rect: Some(Rect::from_min_size(Pos2::ZERO, size)), events, ..Default::default() };
        ctx.begin_pass(input);
        layout(ctx, PanelSet::Full, None, vm, state, &mut commands);
        let output = ctx.end_pass();
        drop(output);
        commands
    }

    #[test]
    fn every_tab_lays_out_at_both_sizes_and_stays_inside() {
        let Some(ctx) = context() else { return };
        let vm = model();
        for size in [vec2(1280.0, 720.0), vec2(1920.0, 1080.0)] {
            for tab in [RightTab::Selection, RightTab::Alarms, RightTab::Cases, RightTab::Edit] {
                let mut state = UiState { tab, ..Default::default() };
                state.form.rain = crate::RainChoice::Design;
                for _ in 0..3 {
                    frame(&ctx, size, vec![], &vm, &mut state);
                }
                for name in ["top", "left", "right", "timeline"] {
                    let rect = ctx.memory(|m| m.area_rect(Id::new(("sandtable", name))));
                    let rect = rect.unwrap_or_else(|| panic!("{name} was not shown"));
                    assert!(
                        rect.right() <= size.x + 1.0 && rect.bottom() <= size.y + 1.0,
                        "{name} {rect:?} leaves {size:?} in {tab:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_narrow_window_shows_one_side_panel_and_nothing_overlaps() {
        let Some(ctx) = context() else { return };
        let size = vec2(640.0, 360.0);
        let mut state = UiState::default();
        for left_open in [false, true] {
            // The switch in the top bar, clicked for the second round.
            if left_open {
                let pos = pos2(190.0, 22.0);
                let button = |pressed| egui::Event::PointerButton {
                    pos,
                    button: egui::PointerButton::Primary,
                    pressed,
                    modifiers: Default::default(),
                };
                for event in [egui::Event::PointerMoved(pos), button(true), button(false)] {
                    frame(&ctx, size, vec![event], &model(), &mut state);
                }
            }
            assert_eq!(state.left_open, left_open);
            for _ in 0..3 {
                frame(&ctx, size, vec![], &model(), &mut state);
            }
            let side = if left_open { "left" } else { "right" };
            let [top, side, line] = ["top", side, "timeline"].map(|name| {
                ctx.memory(|m| m.area_rect(Id::new(("sandtable", name)))).unwrap_or_else(|| panic!("{name} not shown"))
            });
            assert!(top.right() <= size.x + 1.0, "{top:?}");
            assert!(!side.intersects(line) && !side.intersects(top), "{side:?} {line:?} {top:?}");
        }
    }

    #[test]
    fn a_click_on_acknowledge_is_a_command() {
        let Some(ctx) = context() else { return };
        let vm = model();
        let mut state = UiState { tab: RightTab::Alarms, ..Default::default() };
        let size = vec2(1280.0, 720.0);
        for _ in 0..3 {
            frame(&ctx, size, vec![], &vm, &mut state);
        }
        // Every point of the right panel is clicked until the button answers.
        let mut found = Vec::new();
        'search: for y in (60..400).step_by(8) {
            for x in (940..1270).step_by(14) {
                let pos = pos2(x as f32, y as f32);
                let button = |pressed| egui::Event::PointerButton {
                    pos,
                    button: egui::PointerButton::Primary,
                    pressed,
                    modifiers: Default::default(),
                };
                frame(&ctx, size, vec![egui::Event::PointerMoved(pos)], &vm, &mut state);
                frame(&ctx, size, vec![button(true)], &vm, &mut state);
                found.extend(frame(&ctx, size, vec![button(false)], &vm, &mut state));
                if found.iter().any(|c| matches!(c, Command::Twin(_))) {
                    break 'search;
                }
                state.tab = RightTab::Alarms;
            }
        }
        assert!(found.contains(&Command::Twin(TwinCommand::AcknowledgeAlarm(AlarmId(4)))), "{found:?}");
    }
}
