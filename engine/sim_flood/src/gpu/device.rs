//! Choosing a GPU and moving bytes to and from it.

use std::sync::{Arc, Mutex, PoisonError, mpsc};

use wgpu::{Buffer, BufferUsages, Device, Queue};

use crate::FloodError;

/// Which GPU to use.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AdapterChoice {
    /// The fastest there is; a software one when there is no other.
    #[default]
    Fastest,
    /// A software one (lavapipe, WARP): for tests.
    Software,
    /// The first whose name contains this text, letters in any case.
    Named(String),
}

impl AdapterChoice {
    fn wanted(&self) -> String {
        match self {
            Self::Fastest => "any".to_owned(),
            Self::Software => "a software adapter".to_owned(),
            Self::Named(name) => format!("a name with '{name}'"),
        }
    }

    /// Rank of an adapter; `None` where it does not qualify.
    fn rank(&self, info: &wgpu::AdapterInfo) -> Option<u32> {
        use wgpu::DeviceType::{Cpu, DiscreteGpu, IntegratedGpu, Other, VirtualGpu};
        let speed = match info.device_type {
            DiscreteGpu => 0,
            VirtualGpu => 1,
            IntegratedGpu => 2,
            Other => 3,
            Cpu => 4,
        };
        let fits = match self {
            Self::Fastest => true,
            Self::Software => info.device_type == Cpu,
            Self::Named(name) => info.name.to_lowercase().contains(&name.to_lowercase()),
        };
        fits.then_some(speed)
    }
}

/// The first failure that no call was told of: it is reported by the next that reads.
pub(crate) type Fault = Arc<Mutex<Option<String>>>;

/// A device with its queue.
#[derive(Debug, Clone)]
pub(crate) struct Gpu {
    pub device: Device,
    pub queue: Queue,
    pub name: String,
    /// Runs on the processor.
    pub software: bool,
    /// Of a device of our own; who shares a device hears of failures himself.
    pub fault: Fault,
}

/// Words of the shortest buffer: one element of every array the passes read.
const LEAST_WORDS: usize = 20;

impl Gpu {
    /// Opens the adapter chosen.
    pub(crate) fn open(choice: &AdapterChoice) -> Result<Self, FloodError> {
        let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        // The passes write their own indirect dispatches and stay below the limits.
        descriptor.flags.remove(wgpu::InstanceFlags::VALIDATION_INDIRECT_CALL);
        descriptor.backends = wgpu::Backends::PRIMARY;
        let instance = wgpu::Instance::new(descriptor);
        let mut adapters = pollster::block_on(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
        let best = (0..adapters.len())
            .filter_map(|k| Some((choice.rank(&adapters[k].get_info())?, k)))
            .min()
            .map(|(_, k)| adapters.swap_remove(k));
        let Some(adapter) = best else {
            let names: Vec<String> = adapters.iter().map(|a| a.get_info().name).collect();
            let found = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(FloodError::NoAdapter { wanted: choice.wanted(), found });
        };
        let info = adapter.get_info();
        let name = format!("{} ({:?})", info.name, info.backend);
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("sim_flood"),
            required_limits: adapter.limits(),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|e| FloodError::Gpu { adapter: name.clone(), why: e.to_string() })?;
        let fault = Fault::default();
        let note = Arc::clone(&fault);
        device.on_uncaptured_error(Arc::new(move |e: wgpu::Error| {
            note.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| e.to_string());
        }));
        let software = info.device_type == wgpu::DeviceType::Cpu;
        Ok(Self { device, queue, name, software, fault })
    }

    pub(crate) fn failed(&self, why: impl ToString) -> FloodError {
        FloodError::Gpu { adapter: self.name.clone(), why: why.to_string() }
    }

    /// Refuses a buffer this device cannot bind.
    pub(crate) fn check_size(&self, what: &str, bytes: u64) -> Result<(), FloodError> {
        let limits = self.device.limits();
        let most = limits.max_storage_buffer_binding_size.min(limits.max_buffer_size);
        if bytes <= most {
            return Ok(());
        }
        Err(self.failed(format!("{what} needs a buffer of {} MiB; it allows {} MiB", bytes >> 20, most >> 20)))
    }

    /// Runs `make`; running out of memory on the device is an error instead of a panic.
    pub(crate) fn guarded<T>(&self, make: impl FnOnce() -> T) -> Result<T, FloodError> {
        let scope = self.device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let made = make();
        match pollster::block_on(scope.pop()) {
            None => Ok(made),
            Some(e) => Err(self.failed(e)),
        }
    }

    /// A storage buffer with the given words. Never empty: an empty one cannot be bound.
    pub(crate) fn buffer(&self, label: &str, words: &[u32], more: BufferUsages) -> Buffer {
        let size = 4 * words.len().max(LEAST_WORDS) as u64;
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST | more;
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size,
            usage,
            mapped_at_creation: false,
        });
        self.write(&buffer, 0, words);
        buffer
    }

    /// A storage buffer of zeros.
    pub(crate) fn zeros(&self, label: &str, words: usize) -> Buffer {
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
        let size = 4 * words.max(LEAST_WORDS) as u64;
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size,
            usage,
            mapped_at_creation: false,
        })
    }

    /// Writes words from position `at`, counted in words.
    pub(crate) fn write(&self, buffer: &Buffer, at: usize, words: &[u32]) {
        if !words.is_empty() {
            self.queue.write_buffer(buffer, 4 * at as u64, bytemuck::cast_slice(words));
        }
    }

    /// The first `words` words of a buffer, once all work handed in before is done.
    pub(crate) fn read(&self, buffer: &Buffer, words: usize) -> Result<Vec<u32>, FloodError> {
        if words == 0 {
            return Ok(Vec::new());
        }
        self.read_pieces(buffer, &[0], words)
    }

    /// `words` words of a buffer from each of the positions, counted in words.
    pub(crate) fn read_pieces(&self, buffer: &Buffer, at: &[usize], words: usize) -> Result<Vec<u32>, FloodError> {
        if at.is_empty() {
            return Ok(Vec::new());
        }
        let size = 4 * (words * at.len()) as u64;
        let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        let staging = self.guarded(|| {
            let label = Some("sim_flood read back");
            self.device.create_buffer(&wgpu::BufferDescriptor { label, size, usage, mapped_at_creation: false })
        })?;
        self.read_through(buffer, &staging, at, words)
    }

    /// As [`Gpu::read_pieces`], through a staging buffer that is there already.
    pub(crate) fn read_through(
        &self,
        buffer: &Buffer,
        staging: &Buffer,
        at: &[usize],
        words: usize,
    ) -> Result<Vec<u32>, FloodError> {
        let piece = 4 * words as u64;
        let mut encoder = self.device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        for (k, at) in at.iter().enumerate() {
            encoder.copy_buffer_to_buffer(buffer, 4 * *at as u64, staging, k as u64 * piece, piece);
        }
        self.queue.submit([encoder.finish()]);
        let slice = staging.slice(..piece * at.len() as u64);
        let (tell, told) = mpsc::sync_channel(1);
        slice.map_async(wgpu::MapMode::Read, move |outcome| {
            // The receiver is gone only when this call has already failed.
            drop(tell.send(outcome));
        });
        self.device.poll(wgpu::PollType::wait_indefinitely()).map_err(|e| self.failed(e))?;
        let outcome = told.recv().map_err(|e| self.failed(e))?;
        if let Some(why) = self.fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(self.failed(why));
        }
        outcome.map_err(|e| self.failed(e))?;
        let out =
            slice.get_mapped_range().chunks_exact(4).map(|b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]])).collect();
        staging.unmap();
        Ok(out)
    }
}
