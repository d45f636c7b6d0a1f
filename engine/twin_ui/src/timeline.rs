//! Timeline: now, and the frames of a run.

use crate::model::{EvacTime, RunTime, ViewModel};
use crate::theme::Palette;
use crate::widgets::{one_line, play_button, tag, weak};
use egui::{Color32, Rect, RichText, Sense, Stroke, Ui, pos2, vec2};
use twin_model::{Command, RunId, RunStatus, TimeMs, ViewCommand, ViewTime};

pub(crate) fn panel(ui: &mut Ui, rect: Rect, vm: &ViewModel, commands: &mut Vec<Command>) {
    ui.set_height(rect.height() - 26.0);
    ui.horizontal(|ui| {
        let now = matches!(vm.time, ViewTime::Now);
        let fill = if now { Palette::ACCENT_DIM } else { Color32::from_rgb(33, 47, 66) };
        let button =
            egui::Button::new(RichText::new("现在").color(Palette::TEXT)).fill(fill).min_size(vec2(54.0, 30.0));
        if ui.add(button).clicked() {
            commands.push(Command::View(ViewCommand::SetTime(ViewTime::Now)));
        }
        run_choice(ui, vm, commands);
        if let (ViewTime::Run { run, t_s }, Some(shown)) = (vm.time, Shown::of(vm)) {
            if play_button(ui, vm.playing) {
                commands.push(Command::View(ViewCommand::SetPlaying(!vm.playing)));
            }
            ui.vertical(|ui| track(ui, run, t_s, &shown, commands));
        } else if vm.runs.is_empty() {
            let text = if vm.has_server() || vm.runs_here {
                "还没有演算。在“推演”中设置情景并运行。"
            } else {
                "没有连接服务器, 不能运行演算。"
            };
            ui.label(weak(text));
        } else {
            ui.label(weak("选择一次演算, 在时间轴上查看模拟结果。"));
        }
    });
}

fn run_choice(ui: &mut Ui, vm: &ViewModel, commands: &mut Vec<Command>) {
    if vm.runs.is_empty() {
        return;
    }
    let shown = match vm.time {
        ViewTime::Run { run, .. } => vm.runs.iter().find(|r| r.id == run),
        _ => None,
    };
    let text = shown.map_or_else(|| "演算 …".to_owned(), |r| format!("{} {}", r.id.label(), short(r.scenario.name())));
    egui::ComboBox::from_id_salt("run").width(130.0).selected_text(text).show_ui(ui, |ui| {
        for row in vm.runs.iter().take(40) {
            let enabled = has_frames(&row.status);
            let label = format!(
                "{} {} · {}",
                row.id.label(),
                short(row.scenario.name()),
                status_words(&row.status, row.duration_s)
            );
            if ui.add_enabled(enabled, egui::Button::selectable(shown.is_some_and(|s| s.id == row.id), label)).clicked()
            {
                commands.push(Command::View(ViewCommand::SetTime(ViewTime::Run { run: row.id, t_s: 0.0 })));
                commands.push(Command::View(ViewCommand::SetPlaying(true)));
            }
        }
    });
}

fn short(name: &str) -> String {
    name.chars().take(10).collect()
}

/// True when a run has something to show.
pub(crate) fn has_frames(status: &RunStatus) -> bool {
    matches!(status, RunStatus::Running { frames, .. } | RunStatus::Done { frames } if *frames > 0)
}

/// Where a run stands, in words.
pub(crate) fn status_words(status: &RunStatus, duration_s: f64) -> String {
    match status {
        RunStatus::Queued => "排队".to_owned(),
        RunStatus::Running { reached_s, .. } => {
            format!("计算中 {:.0}%", (reached_s / duration_s.max(1.0) * 100.0).clamp(0.0, 100.0))
        }
        RunStatus::Done { .. } => "完成".to_owned(),
        RunStatus::Failed { .. } => "失败".to_owned(),
        RunStatus::Cancelled => "已取消".to_owned(),
    }
}

/// What the track needs of a run of any kind.
struct Shown<'a> {
    frames_s: &'a [f64],
    duration_s: f64,
    started_from: Option<TimeMs>,
    words: Vec<String>,
    /// Width from which the words and the instant both have room, points.
    roomy: f32,
    /// Without that room: the words, not the instant.
    words_first: bool,
}

impl<'a> Shown<'a> {
    fn of(vm: &'a ViewModel) -> Option<Self> {
        vm.evac.as_ref().map(Self::evacuation).or_else(|| vm.run.as_ref().map(Self::flood))
    }

    fn flood(run: &'a RunTime) -> Self {
        let water = format!("水面 {:.0} m²(含河湖)", run.wet_area_m2);
        let words = vec![water, format!("最深 {:.2} m", run.max_depth_m)];
        let (started_from, roomy, words_first) = (run.started_from, 330.0, false);
        Self { frames_s: &run.frames_s, duration_s: run.duration_s, started_from, words, roomy, words_first }
    }

    fn evacuation(run: &'a EvacTime) -> Self {
        let words = vec![people_words(run)];
        let (started_from, roomy, words_first) = (run.started_from, 380.0, true);
        Self { frames_s: &run.frames_s, duration_s: run.duration_s, started_from, words, roomy, words_first }
    }
}

/// Where people of the shown frame are: whoever was stopped or waits needs help.
fn people_words(run: &EvacTime) -> String {
    format!("室内 {} · 已撤离 {} · 需救助 {}", run.inside, run.left, run.stopped + run.awaiting)
}

fn track(ui: &mut Ui, run: RunId, t_s: f64, shown: &Shown<'_>, commands: &mut Vec<Command>) {
    ui.spacing_mut().item_spacing.y = 1.0;
    let width = ui.available_width();
    let (rect, response) = ui.allocate_exact_size(vec2(width, 20.0), Sense::click_and_drag());
    let (left, right) = (rect.left() + 6.0, rect.right() - 6.0);
    let y = rect.center().y;
    let duration = shown.duration_s.max(1.0);
    let x_of = |t: f64| left + (right - left) * (t / duration).clamp(0.0, 1.0) as f32;
    let reached = shown.frames_s.last().copied().unwrap_or(0.0);
    let painter = ui.painter();
    painter.line_segment([pos2(left, y), pos2(right, y)], Stroke::new(5.0, Palette::LINE));
    painter.line_segment(
        [pos2(left, y), pos2(x_of(reached), y)],
        Stroke::new(5.0, Palette::SIMULATED.gamma_multiply(0.5)),
    );
    painter.line_segment([pos2(left, y), pos2(x_of(t_s), y)], Stroke::new(5.0, Palette::SIMULATED));
    painter.circle(pos2(x_of(t_s), y), 7.0, Color32::WHITE, Stroke::new(2.0, Palette::SIMULATED));
    if let Some(pos) = response.interact_pointer_pos() {
        let t = f64::from((pos.x - left) / (right - left).max(1.0)).clamp(0.0, 1.0) * duration;
        commands.push(Command::View(ViewCommand::SetPlaying(false)));
        commands.push(Command::View(ViewCommand::SetTime(ViewTime::Run { run, t_s: t.min(reached) })));
    }
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 10.0;
        tag(ui, "模拟", Palette::SIMULATED);
        ui.label(RichText::new(format!("+{}", clock(t_s))).size(13.0).color(Palette::TEXT));
        let roomy = width > shown.roomy;
        if let Some(start) = shown.started_from.filter(|_| roomy || !shown.words_first) {
            ui.label(weak(start.plus_secs(t_s).hms_china()));
        }
        if roomy || shown.words_first {
            shown.words.iter().for_each(|words| {
                one_line(ui, weak(words));
            });
        }
    });
}

/// Seconds as `h:mm:ss` or `mm:ss`.
pub(crate) fn clock(t_s: f64) -> String {
    let t = t_s.max(0.0) as u64;
    let (h, m, s) = (t / 3600, t / 60 % 60, t % 60);
    if h > 0 { format!("{h}:{m:02}:{s:02}") } else { format!("{m:02}:{s:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_and_words() {
        assert_eq!(clock(65.9), "01:05");
        assert_eq!(clock(3661.0), "1:01:01");
        assert_eq!(clock(f64::NAN), "00:00");
        assert_eq!(status_words(&RunStatus::Running { reached_s: 30.0, frames: 1 }, 60.0), "计算中 50%");
        assert!(!has_frames(&RunStatus::Done { frames: 0 }) && has_frames(&RunStatus::Done { frames: 2 }));
    }
}
