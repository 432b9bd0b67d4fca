//! The flags of the emulator, and the tenants that they describe.

use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use entra_apps::directory_role::DirectoryRole;
use entra_emulator::{Fault, MemoryCloud, MemoryTenant, MemoryTenantBuilder, Snapshot, Throttling, User};
use lexopt::prelude::*;

/// What `--help` prints.
pub(crate) const HELP: &str = "\
usage: entra-emulator [flags]

Serves an in-memory tenant of Microsoft Entra over HTTP on loopback, for clients in any language.
The first line on standard output is one JSON object: baseUrl, tenantId, clientId, clientSecret.
The response to GET {baseUrl}/ is the same.
Graph is at {baseUrl}/v1.0, the sign-in at {baseUrl}/{tenantId}/oauth2/v2.0/token. An interrupt or
a request to terminate ends it with exit code 0, once the requests that are running have their
response, or five seconds later.

  --port N             the port on 127.0.0.1; by default one that is free
  --base-url URL       what absolute links start with; by default the host that was asked for
  --seed N             where ids and secrets come from: the same number, the same run
  --seed FILE          a snapshot to start from, as JSON; may be given beside a number
  --small-company      start with a few people, groups and applications
  --cloud N            N tenants that know of one another; the first line lists them as tenants
  --partner N          a partner, the first tenant, and N customers with relationships (GDAP) in various
                       states; the first line says who is in AdminAgents, and in which app the person
                       may do what setting customers up takes

  --as NAME            who signs in by themselves: device codes, browsers and admin consent succeed
                       at once for ada.lovelace@contoso.onmicrosoft.com; by default a page asks,
                       but for the admin agent of a partner. A tenant without people gets a Global
                       Administrator of that name
  --certificate FILE   a certificate, as PEM, by which the first line's app can sign in as well

  --latency-ms N       what every request takes
  --lag-ms N           how long a write takes until it is seen
  --throttle[=U/S]     refuse what is beyond the documented limits, or beyond U resource units of
                       an app in S seconds: --throttle=200/10
  --faults FILE        what goes wrong, as JSON, in every tenant:
                       {\"faults\": [{\"on\": \"POST /applications\", \"nth\": 2, \"action\": \"response_lost\"}]}

  -h, --help           this text

HEAD is GET without the body, OPTIONS returns 204. Pages on loopback may use it from
scripts (CORS), other pages may not. A body of more than 8 MiB is refused with 413.
";

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) port: u16,
    pub(crate) base_url: Option<String>,
    seed: Option<u64>,
    snapshot: Option<Snapshot>,
    small_company: bool,
    cloud: Cloud,
    signs_in: Option<String>,
    certificate: Option<(String, String)>,
    latency: Duration,
    lag: Duration,
    throttling: Option<Throttling>,
    faults: Vec<Fault>,
}

/// Which tenants there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cloud {
    #[default]
    One,
    /// So many tenants.
    Tenants(usize),
    /// A partner, and so many customers.
    Partner(usize),
}

/// How many tenants a cloud may have: each takes some megabytes.
const MAX_TENANTS: usize = 100;

impl Options {
    /// Reads the flags, without the name of the program. `None` when help was asked for; an error says what to do.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Result<Option<Self>, String> {
        let mut options = Self::default();
        let mut parser = lexopt::Parser::from_args(arguments);
        while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
            let name = match argument {
                Long(name) => name.to_owned(),
                Short('h') => return Ok(None),
                other => return Err(format!("{}; --help lists the flags", other.unexpected())),
            };
            let mut value = || -> Result<String, String> {
                let value = parser.value().map_err(|_| format!("--{name} needs a value; --help says which"))?;
                value.into_string().map_err(|_| format!("the value of --{name} is not text"))
            };
            match name.as_str() {
                "help" => return Ok(None),
                "port" => {
                    options.port = value()?.parse().map_err(|_| "--port needs a number up to 65535".to_owned())?;
                }
                "base-url" => options.base_url = Some(base_url(value()?)?),
                "seed" => {
                    let value = value()?;
                    match value.parse() {
                        Ok(seed) => options.seed = Some(seed),
                        Err(_) => {
                            let snapshot = Snapshot::from_json(&read("seed", &value, "a number or a snapshot")?);
                            options.snapshot =
                                Some(snapshot.map_err(|error| format!("--seed: {value} is no snapshot: {error}"))?);
                        }
                    }
                }
                "small-company" => options.small_company = true,
                "cloud" | "partner" if options.cloud != Cloud::One => {
                    return Err("--cloud and --partner exclude each other: give one of them".to_owned());
                }
                "cloud" => options.cloud = Cloud::Tenants(tenants(&name, &value()?)?),
                "partner" => options.cloud = Cloud::Partner(tenants(&name, &value()?)?),
                "as" => options.signs_in = Some(value()?),
                "certificate" => {
                    let file = value()?;
                    options.certificate = Some((read("certificate", &file, "a PEM file")?, file));
                }
                "latency-ms" => options.latency = milliseconds(&name, &value()?)?,
                "lag-ms" => options.lag = milliseconds(&name, &value()?)?,
                "throttle" => {
                    let value = parser.optional_value().map(|value| value.to_string_lossy().into_owned());
                    options.throttling = Some(throttling(value.as_deref())?);
                }
                "faults" => {
                    let value = value()?;
                    let faults = Fault::from_json(&read("faults", &value, "a file of faults")?);
                    options.faults.extend(faults.map_err(|error| format!("--faults: {value}: {error}"))?);
                }
                _ => return Err(format!("there is no flag --{name}; --help lists them")),
            }
        }
        if options.small_company && options.snapshot.is_some() {
            return Err("--small-company and a snapshot exclude each other: give one of them".to_owned());
        }
        Ok(Some(options))
    }

    /// Lets whoever was named sign in by themselves, and the app sign in with its certificate.
    pub(crate) fn sign_in(&self, cloud: &MemoryCloud) -> Result<(), String> {
        if let Some((pem, file)) = &self.certificate {
            cloud.tenants()[0].trust_certificate(pem).map_err(|error| format!("--certificate: {file}: {error}"))?;
        }
        let Some(name) = &self.signs_in else {
            if matches!(self.cloud, Cloud::Partner(_)) {
                cloud.tenants()[0].auto_sign_in(cloud.admin_agent().as_ref());
            }
            return Ok(());
        };
        let is_meant = |user: &User| user.user_principal_name.eq_ignore_ascii_case(name);
        let people =
            || cloud.tenants().iter().flat_map(|tenant| tenant.users().into_iter().map(move |user| (tenant, user)));
        let first = &cloud.tenants()[0];
        if people().next().is_none()
            && let Some(display_name) = display_name(name, first.domain())
        {
            first.add_user(&display_name, &[DirectoryRole::GLOBAL_ADMINISTRATOR.id()]);
        }
        match people().find(|(_, user)| is_meant(user)) {
            Some((tenant, user)) => {
                tenant.auto_sign_in(Some(&user));
                Ok(())
            }
            None => {
                let known: Vec<_> = people().map(|(_, user)| user.user_principal_name).take(10).collect();
                let known = match known.is_empty() {
                    true => "there is nobody; --small-company and --partner make people".to_owned(),
                    false => format!("there are {}", known.join(", ")),
                };
                Err(format!("--as: there is no {name}: {known}"))
            }
        }
    }

    /// The tenants that were asked for.
    pub(crate) fn cloud(&self) -> MemoryCloud {
        let cloud = match self.cloud {
            Cloud::One => MemoryCloud::new([self.tenant(0)]),
            Cloud::Tenants(tenants) => MemoryCloud::new((0..tenants).map(|place| self.tenant(place))),
            Cloud::Partner(customers) => {
                MemoryCloud::partner_in_use(self.tenant(0), (1..=customers).map(|place| self.tenant(place)))
            }
        };
        for tenant in cloud.tenants() {
            self.faults.iter().for_each(|fault| tenant.fault(fault.clone()));
        }
        cloud
    }

    /// Whether several tenants were asked for.
    pub(crate) fn is_cloud(&self) -> bool {
        self.cloud != Cloud::One
    }

    fn tenant(&self, place: usize) -> MemoryTenantBuilder {
        // Without a latency, the network takes its own time.
        let mut builder = MemoryTenant::builder().tick(self.latency).lag(self.lag);
        if let Some(seed) = self.seed {
            // The seeds of neighbours are far apart, as those that a cloud gives.
            builder = builder.seed(seed.wrapping_add((place as u64) << 32));
        }
        if let Some(url) = &self.base_url {
            builder = builder.base_url(url);
        }
        if let Some(limits) = &self.throttling {
            builder = builder.throttling(limits.clone());
        }
        match (place, &self.snapshot) {
            (0, Some(snapshot)) => builder.snapshot(snapshot.clone()),
            (0, None) if self.small_company => builder.small_company(),
            (0, None) => builder,
            _ => builder
                .display_name(format!("Tenant {}", place + 1))
                .domain(format!("tenant{}.onmicrosoft.com", place + 1)),
        }
    }
}

/// The display name from which the tenant makes a name to sign in with: `Ada Lovelace` of `ada.lovelace@…`.
fn display_name(name: &str, domain: &str) -> Option<String> {
    let (local, _) = name.split_once('@').filter(|(_, theirs)| theirs.eq_ignore_ascii_case(domain))?;
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
    };
    Some(local.split('.').map(capital).collect::<Vec<_>>().join(" "))
}

fn read(flag: &str, path: &str, what: &str) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("--{flag} needs {what}; {path} cannot be read: {error}"))
}

fn tenants(flag: &str, value: &str) -> Result<usize, String> {
    let number = value.parse().ok().filter(|number| (1..=MAX_TENANTS).contains(number));
    number.ok_or_else(|| format!("--{flag} needs a number from 1 to {MAX_TENANTS}, and {value} is none"))
}

fn milliseconds(flag: &str, value: &str) -> Result<Duration, String> {
    let number = value.parse().map(Duration::from_millis);
    number.map_err(|_| format!("--{flag} needs a number of milliseconds, and {value} is none"))
}

fn base_url(url: String) -> Result<String, String> {
    match entra_apps::url::Url::parse(&url) {
        Ok(parsed) if parsed.has_host() && ["http", "https"].contains(&parsed.scheme()) => Ok(url),
        _ => Err(format!("--base-url needs an absolute URL such as http://localhost:8080, and {url} is none")),
    }
}

fn throttling(limits: Option<&str>) -> Result<Throttling, String> {
    let Some(limits) = limits else { return Ok(Throttling::documented()) };
    let numbers =
        limits.split_once('/').and_then(|(units, seconds)| Some((units.parse().ok()?, seconds.parse().ok()?)));
    match numbers {
        Some((units, seconds)) if units > 0 && seconds > 0 => Ok(Throttling::of(units, Duration::from_secs(seconds))),
        _ => Err(format!(
            "--throttle={limits} says no limit: expected units/seconds, such as --throttle=200/10, or --throttle alone"
        )),
    }
}
