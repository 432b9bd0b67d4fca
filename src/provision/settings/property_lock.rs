//! The app instance property lock: nobody in another tenant can change the app's credentials there.

use crate::model::Application;
use crate::provision::registration::is_multi_tenant;
use crate::provision::settings::scalar::{Scalar, on_or_off};
use crate::provision::step::StepKind;

impl StepKind {
    /// The app instance property lock.
    pub const PROPERTY_LOCK: Self = Self::new("property_lock");
}

pub(super) const PROPERTY_LOCK: Scalar<bool> = Scalar {
    kind: StepKind::PROPERTY_LOCK,
    name: "the app instance property lock",
    label: "App instance property lock",
    place: "Authentication",
    select: &["servicePrincipalLockConfiguration/isEnabled", "servicePrincipalLockConfiguration/allProperties"],
    check: |_| Ok(()),
    wanted: |registration| {
        registration.property_lock.or_else(|| is_multi_tenant(&registration.audience).then_some(true))
    },
    read: |app| Some(is_locked(app)),
    write: |app, locked| {
        let lock = app.service_principal_lock_configuration.get_or_insert_default();
        (lock.is_enabled, lock.all_properties) = (Some(locked), Some(locked));
    },
    show: on_or_off,
};

fn is_locked(app: &Application) -> bool {
    let lock = app.service_principal_lock_configuration.as_ref();
    lock.is_some_and(|lock| lock.is_enabled == Some(true) && lock.all_properties == Some(true))
}
