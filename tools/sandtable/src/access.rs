//! `sandtable account`, `sandtable token` and `sandtable audit`: who may see and do what, and what was done.

use ::access::{Field, FieldMask, Grant, Jurisdiction, PublicKey, Role, SecretKind};
use anyhow::{Context, bail};
use clap::Subcommand;
use std::io::{BufRead, IsTerminal};
use std::path::PathBuf;
use sync_server::{AccessAdmin, AccountChange, NewAccount, NewDevice};
use twin_model::{EntityKind, TimeMs};

/// Where a password is looked for before it is asked for.
const PASSWORD_VARIABLE: &str = "SANDTABLE_PASSWORD";

#[derive(clap::Args)]
pub struct AccountArgs {
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Subcommand)]
enum AccountCommand {
    /// Make an account. From the first one on the server lets in only who is known; a running server must be restarted
    /// after the first. The password is read from SANDTABLE_PASSWORD, else from the terminal or standard input.
    Add {
        /// Login name: a-z 0-9 . _ -
        name: String,
        /// Name for people [default: the login name].
        #[arg(long)]
        display_name: Option<String>,
        #[command(flatten)]
        grant: GrantArgs,
        #[command(flatten)]
        data: Data,
    },
    /// Show accounts with their grants.
    List {
        /// One JSON document.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        data: Data,
    },
    /// Give a role in a jurisdiction to an account, beside those it has or in place of them.
    Grant {
        /// Login name.
        name: String,
        #[command(flatten)]
        grant: GrantArgs,
        /// In place of all it has.
        #[arg(long)]
        replace: bool,
        #[command(flatten)]
        data: Data,
    },
    /// Take all rights from an account.
    Ungrant {
        /// Login name.
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Shut an account; its sessions end within a second.
    Disable {
        /// Login name.
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Open an account again.
    Enable {
        /// Login name.
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Set another password; its sessions end.
    Passwd {
        /// Login name.
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Ask for a second factor at log-in: prints the secret for an authenticator app, once.
    SecondFactor {
        /// Login name.
        name: String,
        /// None any more.
        #[arg(long)]
        off: bool,
        #[command(flatten)]
        data: Data,
    },
}

#[derive(clap::Args)]
struct Data {
    /// Data folder of the server.
    #[arg(long = "data", env = "SANDTABLE_DATA")]
    data: PathBuf,
}

#[derive(clap::Args)]
struct GrantArgs {
    /// grid_worker, grid_chief, duty_officer, planner, fire_officer, viewer, system_administrator,
    /// security_administrator or audit_administrator.
    #[arg(long)]
    role: Role,
    /// Where: `*`, the digits that division and grid codes begin with, or below:CODE of a building or estate.
    #[arg(long)]
    jurisdiction: Jurisdiction,
    /// Only these kinds of entities, e.g. building,device.
    #[arg(long, value_delimiter = ',')]
    kinds: Vec<EntityKind>,
    /// Only devices of these classes, e.g. smoke,gas.
    #[arg(long, value_delimiter = ',')]
    device_classes: Vec<String>,
    /// Masked fields that are shown: personal,evacuation,notes [default: notes for who works on cases].
    #[arg(long, value_delimiter = ',')]
    fields: Option<Vec<Field>>,
    /// Valid for so many days from now [default: for ever].
    #[arg(long)]
    days: Option<u32>,
}

impl GrantArgs {
    fn grant(self) -> Grant {
        let mut grant = Grant::new(self.role, self.jurisdiction);
        grant.classes.kinds = self.kinds;
        grant.classes.device_classes = self.device_classes;
        if let Some(fields) = self.fields {
            grant.fields = FieldMask::of(&fields);
        }
        grant.to = self.days.map(|days| now().plus_secs(f64::from(days) * 86_400.0));
        grant
    }
}

fn now() -> TimeMs {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    TimeMs(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Never from the command line, which everybody on the machine can read.
fn password() -> anyhow::Result<String> {
    if let Ok(password) = std::env::var(PASSWORD_VARIABLE) {
        return Ok(password);
    }
    if std::io::stdin().is_terminal() {
        let first = rpassword::prompt_password("Password: ").context("reading the password")?;
        let again = rpassword::prompt_password("Once more: ").context("reading the password")?;
        if first != again {
            bail!("the two passwords differ");
        }
        return Ok(first);
    }
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("reading the password from standard input")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

pub fn account(args: AccountArgs) -> anyhow::Result<()> {
    match args.command {
        AccountCommand::Add { name, display_name, grant, data } => {
            let mut admin = AccessAdmin::open(&data.data)?;
            let display_name = display_name.unwrap_or_else(|| name.clone());
            let new = NewAccount { login: name, display_name, password: password()?, grants: vec![grant.grant()] };
            let id = admin.add(&new)?;
            println!("account {} made (number {id})", new.login);
            if admin.accounts()?.len() == 1 {
                println!("it is the first: restart a running server, from then on it lets in only who is known");
                println!("key of the audit trail, to be kept elsewhere: {}", admin.public_key().to_text());
            }
        }
        AccountCommand::List { json, data } => list(&data, json)?,
        AccountCommand::Grant { name, grant, replace, data } => {
            let mut admin = AccessAdmin::open(&data.data)?;
            let held = admin.accounts()?.into_iter().find(|a| a.login == name);
            let mut grants = held.map(|a| a.grants).filter(|_| !replace).unwrap_or_default();
            grants.push(grant.grant());
            admin.change(&name, &AccountChange::Grants(grants))?;
            println!("account {name}: rights changed");
        }
        AccountCommand::Ungrant { name, data } => {
            change(&data, &name, &AccountChange::Grants(vec![]), "has no rights")?
        }
        AccountCommand::Disable { name, data } => change(&data, &name, &AccountChange::Enabled(false), "is shut")?,
        AccountCommand::Enable { name, data } => change(&data, &name, &AccountChange::Enabled(true), "is open")?,
        AccountCommand::Passwd { name, data } => {
            change(&data, &name, &AccountChange::Password(password()?), "has another password")?;
        }
        AccountCommand::SecondFactor { name, off, data } => {
            let made = AccessAdmin::open(&data.data)?.change(&name, &AccountChange::SecondFactor(!off))?;
            match made {
                Some(secret) => println!("secret for the authenticator app (TOTP, Base32): {}", secret.to_text()),
                None => println!("account {name}: no second factor"),
            }
        }
    }
    Ok(())
}

fn change(data: &Data, name: &str, change: &AccountChange, said: &str) -> anyhow::Result<()> {
    AccessAdmin::open(&data.data)?.change(name, change)?;
    println!("account {name} {said}");
    Ok(())
}

fn list(data: &Data, json: bool) -> anyhow::Result<()> {
    let accounts = AccessAdmin::open(&data.data)?.accounts()?;
    if json {
        println!("{}", serde_json::to_string_pretty(&serde_json::json!({ "accounts": accounts }))?);
        return Ok(());
    }
    for account in accounts {
        let state = if account.enabled { "" } else { " (shut)" };
        let factor = if account.totp.is_some() { " (second factor)" } else { "" };
        println!("{} {}{state}{factor}", account.login, account.display_name);
        for grant in &account.grants {
            let until = grant.to.map_or_else(String::new, |to| format!(" until {}", to.datetime_china()));
            println!("  {} ({}) in {}{until}", grant.role, grant.role.zh(), grant.jurisdiction);
        }
    }
    Ok(())
}

#[derive(clap::Args)]
pub struct TokenArgs {
    #[command(subcommand)]
    command: TokenCommand,
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Make a token for a programme, with the rights of an account; it is shown once.
    Create {
        /// Login name of the account.
        account: String,
        /// What it is for.
        #[arg(long)]
        name: String,
        /// Valid for so many days.
        #[arg(long, default_value_t = 90)]
        days: u32,
        #[command(flatten)]
        data: Data,
    },
    /// Revoke the tokens of that name.
    Revoke {
        /// Login name of the account.
        account: String,
        /// What it was for.
        #[arg(long)]
        name: String,
        #[command(flatten)]
        data: Data,
    },
    /// Show tokens and sessions.
    List {
        #[command(flatten)]
        data: Data,
    },
    /// Make or renew the credentials of a device for MQTT; from the first one on every device needs some. Client id and
    /// user name are the id, the password is shown once.
    Device {
        /// Id: A-Z a-z 0-9 _ -
        id: String,
        /// A topic it may publish to; may be given again.
        #[arg(long = "topic", required = true)]
        topics: Vec<String>,
        #[command(flatten)]
        data: Data,
    },
    /// Shut a device out.
    ShutDevice {
        /// Id.
        id: String,
        #[command(flatten)]
        data: Data,
    },
}

pub fn token(args: TokenArgs) -> anyhow::Result<()> {
    match args.command {
        TokenCommand::Create { account, name, days, data } => {
            let secret = AccessAdmin::open(&data.data)?.create_token(&account, &name, days)?;
            println!("{}", secret.to_text());
        }
        TokenCommand::Revoke { account, name, data } => {
            AccessAdmin::open(&data.data)?.revoke_token(&account, &name)?;
            println!("token {name} of {account} revoked");
        }
        TokenCommand::List { data } => {
            for (login, kind, name, created, expires) in AccessAdmin::open(&data.data)?.tokens()? {
                let word = if kind == SecretKind::Session { "session" } else { "token" };
                println!(
                    "{login} {word} {name:?} since {} until {}",
                    created.datetime_china(),
                    expires.datetime_china()
                );
            }
        }
        TokenCommand::Device { id, topics, data } => {
            let secret = AccessAdmin::open(&data.data)?.put_device(NewDevice { id, topics })?;
            println!("{}", secret.to_text());
        }
        TokenCommand::ShutDevice { id, data } => {
            AccessAdmin::open(&data.data)?.shut_device(&id)?;
            println!("device {id} is shut out");
        }
    }
    Ok(())
}

#[derive(clap::Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Check every record and signature of the trace; names the first bad record.
    Verify {
        /// Data folder of the server.
        dir: PathBuf,
        /// Public key that was kept elsewhere, 64 hex digits [default: that of the folder].
        #[arg(long)]
        public_key: Option<String>,
    },
    /// Print records as JSON, one a line.
    Show {
        /// Data folder of the server.
        dir: PathBuf,
        /// Records after this number.
        #[arg(long, default_value_t = 0)]
        after: u64,
        /// At most so many.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
}

pub fn audit(args: AuditArgs) -> anyhow::Result<()> {
    match args.command {
        AuditCommand::Verify { dir, public_key } => {
            let key = public_key.map(|text| PublicKey::parse(&text).context("--public-key: must be 64 hex digits"));
            let summary = existing(&dir)?.verify_audit(key.transpose()?)?;
            println!(
                "{} records sound, {} checkpoints, signed up to record {}, head {}",
                summary.records, summary.checkpoints, summary.signed_up_to, summary.head
            );
        }
        AuditCommand::Show { dir, after, limit } => {
            for record in existing(&dir)?.audit(after, limit)? {
                let event: serde_json::Value = serde_json::from_str(&record.body)?;
                let line = serde_json::json!({ "number": record.number, "at": record.at, "event": event });
                println!("{line}");
            }
        }
    }
    Ok(())
}

/// Looking must not make a folder.
fn existing(dir: &std::path::Path) -> anyhow::Result<AccessAdmin> {
    if !AccessAdmin::has_accounts(dir)? {
        bail!("{}: there are no accounts here, and no trace", dir.display());
    }
    Ok(AccessAdmin::open(dir)?)
}
