//! Virtual MFA devices: seed and QR code shown once, two consecutive codes to enable, then codes that count once each.
//!
//! The codes that enabled a device count as used, as with AWS: the next call needs the next code.

use std::collections::BTreeSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use qrcode::{Color, EcLevel, QrCode};

use super::{MARKER, MAX_ITEMS, NEW_TAGS, OLD_TAGS, OWN_USER, PATH, SERIAL, TAGS, Targeted, USER, USER_NAME, everything, page, tags, user, users};
use crate::{
    model::{mfa::TotpSeed, params::SessionTag},
    practice::{
        exchange::Exchange,
        fault::{Fault, Outcome},
        fields::{Chars, Field, Rule, optional, required, text},
        png,
        state::{Account, Device, DeviceOwner},
        table::{Action, iam},
        time_text,
        xml::Xml,
    },
};

const CODE: Rule = text(6, 6, Chars::IamDigits);
const DEVICE: Field = required("SerialNumber", SERIAL);

pub(super) static ACTIONS: &[Action] = &[
    iam(
        "CreateVirtualMFADevice",
        |call| Ok(super::made(call, "mfa", "VirtualMFADeviceName")),
        &[required("VirtualMFADeviceName", text(1, 226, Chars::Name)), optional("Path", PATH), TAGS],
        create,
    ),
    iam("EnableMFADevice", user, &[USER, DEVICE, required("AuthenticationCode1", CODE), required("AuthenticationCode2", CODE)], enable),
    iam("ResyncMFADevice", user, &[USER, DEVICE, required("AuthenticationCode1", CODE), required("AuthenticationCode2", CODE)], resync),
    iam("DeactivateMFADevice", user, &[OWN_USER, DEVICE], deactivate),
    iam("ListMFADevices", user, &[OWN_USER, MARKER, MAX_ITEMS], list),
    iam("GetMFADevice", user, &[optional("UserName", USER_NAME), DEVICE], get),
    iam("ListVirtualMFADevices", everything, &[optional("AssignmentStatus", Rule::OneOf(&["Assigned", "Unassigned", "Any"])), MARKER, MAX_ITEMS], list_virtual),
    iam("DeleteVirtualMFADevice", device, &[DEVICE], delete),
    iam("TagMFADevice", device, &[DEVICE, NEW_TAGS], |call| tags::add(call, tagged)),
    iam("UntagMFADevice", device, &[DEVICE, OLD_TAGS], |call| tags::remove(call, tagged)),
    iam("ListMFADeviceTags", device, &[DEVICE, MARKER, MAX_ITEMS], |call| tags::list(call, tagged)),
];

/// A device is a resource of its own, with tags.
fn device(call: &Exchange<'_>) -> Targeted {
    let serial = call.params.text("SerialNumber");
    Ok((serial.to_owned(), call.account()?.devices.get(serial).map(|device| device.tags.clone()).unwrap_or_default()))
}

fn tagged<'a>(call: &'a mut Exchange<'_>) -> Outcome<&'a mut Vec<SessionTag>> {
    let serial = call.params.text("SerialNumber");
    call.account_mut()?.devices.get_mut(serial).map(|device| &mut device.tags).ok_or_else(|| no_such(serial))
}

/// Where it stands in lists: without what all serials begin with, so that a marker has room for it.
fn place(device: &Device) -> &str {
    device.serial.rsplit(':').next().unwrap_or_default()
}

fn create(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = call.params.text("VirtualMFADeviceName");
    let serial = format!("arn:aws:iam::{}:mfa{}{name}", call.principal.account, call.params.get("Path").unwrap_or("/"));
    let tags = tags::checked(call.params)?;
    if call.account()?.devices.contains_key(&serial) {
        return Err(Fault::new("EntityAlreadyExists", "MFADevice entity at the same path and name already exists."));
    }
    let failed = || Fault::new("ServiceFailure", "The request processing has failed because of an unknown error, exception or failure.");
    let text = call.state.draw.totp_seed();
    let seed = TotpSeed::parse(&text).map_err(|_| failed())?;
    let url = format!("otpauth://totp/Amazon%20Web%20Services:{name}@{}?secret={text}&issuer=Amazon%20Web%20Services", call.principal.account);
    let code = QrCode::with_error_correction_level(url, EcLevel::M).map_err(|_| failed())?;
    let dark: Vec<bool> = code.to_colors().into_iter().map(|color| color == Color::Dark).collect();
    let answer = Xml::new()
        .text("SerialNumber", &serial)
        .text("Base32StringSeed", STANDARD.encode(&text))
        .text("QRCodePNG", STANDARD.encode(png::squares(&dark, code.width())))
        .join(tags::xml(&tags));
    let device = Device { serial: serial.clone(), seed, owner: None, used: BTreeSet::new(), tags };
    call.account_mut()?.devices.insert(serial, device);
    Ok(Xml::new().element("VirtualMFADevice", answer))
}

fn no_such(serial: &str) -> Fault {
    Fault::new("NoSuchEntity", format!("VirtualMFADevice with serial number {serial} does not exist."))
}

fn wrong_codes() -> Fault {
    Fault::new("InvalidAuthenticationCode", "Authentication code for device is not valid.")
}

fn existing_user(call: &Exchange<'_>) -> Outcome<String> {
    let name = call.params.text("UserName");
    let account = call.account()?;
    if account.users.contains_key(name) { Ok(name.to_owned()) } else { Err(Fault::no_such("user", name)) }
}

fn of_user<'a>(account: &'a Account, user: Option<&'a str>) -> impl Iterator<Item = (&'a Device, &'a DeviceOwner)> {
    account.devices.values().filter_map(move |device| device.owner.as_ref().filter(|owner| owner.user.as_deref() == user).map(|owner| (device, owner)))
}

fn enable(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = existing_user(call)?;
    let (serial, now) = (call.params.text("SerialNumber"), call.now);
    let (first, second) = (call.params.text("AuthenticationCode1"), call.params.text("AuthenticationCode2"));
    let account = call.account_mut()?;
    if of_user(account, Some(&name)).count() >= 8 {
        return Err(Fault::limit("Cannot exceed quota for MFADevicesPerUser: 8"));
    }
    let device = account.devices.get_mut(serial).ok_or_else(|| no_such(serial))?;
    if device.owner.is_some() {
        return Err(Fault::new("EntityAlreadyExists", "MFA Device is already in use."));
    }
    if !device.take_two(first, second, now) {
        return Err(wrong_codes());
    }
    device.owner = Some(DeviceOwner { user: Some(name), enabled: now });
    Ok(Xml::new())
}

/// The user's device, to change it.
fn mine<'a>(call: &'a mut Exchange<'_>, user: Option<&str>) -> Outcome<&'a mut Device> {
    let serial = call.params.text("SerialNumber");
    let device = call.account_mut()?.devices.get_mut(serial);
    let mine = device.filter(|device| device.owner.as_ref().is_some_and(|owner| owner.user.as_deref() == user));
    mine.ok_or_else(|| Fault::new("NoSuchEntity", format!("MFA Device invalid for user: {serial} is not associated with the user.")))
}

fn resync(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = existing_user(call)?;
    let (now, first, second) = (call.now, call.params.text("AuthenticationCode1"), call.params.text("AuthenticationCode2"));
    if mine(call, Some(&name))?.take_two(first, second, now) { Ok(Xml::new()) } else { Err(wrong_codes()) }
}

fn deactivate(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = call.user_or_self()?;
    if let Some(name) = name.as_deref().filter(|name| call.account().is_ok_and(|account| !account.users.contains_key(*name))) {
        return Err(Fault::no_such("user", name));
    }
    mine(call, name.as_deref())?.owner = None;
    Ok(Xml::new())
}

fn list(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = call.user_or_self()?;
    let account = call.account()?;
    if let Some(name) = name.as_deref().filter(|name| !account.users.contains_key(*name)) {
        return Err(Fault::no_such("user", name));
    }
    let item = |(device, owner): (&Device, &DeviceOwner)| {
        Xml::new().maybe("UserName", name.as_ref()).text("SerialNumber", &device.serial).text("EnableDate", time_text(owner.enabled))
    };
    page(call, "MFADevices", of_user(account, name.as_deref()).map(|found| (place(found.0), found)), item)
}

fn get(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let name = call.user_or_self()?;
    let device = mine(call, name.as_deref())?;
    let enabled = device.owner.as_ref().map(|owner| time_text(owner.enabled));
    Ok(Xml::new().maybe("UserName", name).text("SerialNumber", &device.serial).maybe("EnableDate", enabled))
}

fn list_virtual(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let account = call.account()?;
    let status = call.params.get("AssignmentStatus").unwrap_or("Any");
    let wanted = account.devices.values().filter(|device| match status {
        "Assigned" => device.owner.is_some(),
        "Unassigned" => device.owner.is_none(),
        _ => true,
    });
    let item = |device: &Device| {
        let owner = device.owner.as_ref().map_or(Xml::new(), |owner| {
            let user = match owner.user.as_deref().and_then(|name| account.users.get(name)) {
                Some(user) => users::xml(user, false),
                None => users::root(account),
            };
            Xml::new().element("User", user).text("EnableDate", time_text(owner.enabled))
        });
        Xml::new().text("SerialNumber", &device.serial).join(owner).join(tags::xml(&device.tags))
    };
    page(call, "VirtualMFADevices", wanted.map(|device| (place(device), device)), item)
}

fn delete(call: &mut Exchange<'_>) -> Outcome<Xml> {
    let serial = call.params.text("SerialNumber");
    let account = call.account_mut()?;
    let device = account.devices.get(serial).ok_or_else(|| no_such(serial))?;
    if device.owner.is_some() {
        return Err(Fault::new("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first."));
    }
    account.devices.remove(serial);
    Ok(Xml::new())
}
