//! Who is who: one authority, a server, an administrator, the controller, and the key that signs
//! service accounts' tokens.

use std::{fs, path::Path};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256, SanType,
};

/// Names under which the server is reached.
const NAMES: [&str; 4] = [
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
];

/// The name of the controller's user.
pub(crate) const CONTROLLER: &str = "controller";

/// Writes every certificate and key into a folder.
///
/// # Errors
/// When the folder cannot be written.
pub fn write(folder: &Path) -> Result<()> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params
        .distinguished_name
        .push(DnType::CommonName, "testbed-ca");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    fs::write(folder.join("ca.crt"), authority.pem())?;
    server(folder, &authority)?;
    client(folder, &authority, ("admin", Some("system:masters")))?;
    // No group: the controller may do what the shipped role allows, and a right that it lacks shows.
    client(folder, &authority, (CONTROLLER, None))?;
    let tokens = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048)?;
    fs::write(folder.join("sa.key"), tokens.serialize_pem())?;
    fs::write(folder.join("sa.pub"), tokens.public_key_pem())?;
    Ok(())
}

fn server(folder: &Path, authority: &CertifiedIssuer<'_, KeyPair>) -> Result<()> {
    let mut params = CertificateParams::new(NAMES.map(str::to_owned).to_vec())?;
    for address in ["127.0.0.1", "10.96.0.1"] {
        params
            .subject_alt_names
            .push(SanType::IpAddress(address.parse()?));
    }
    params
        .distinguished_name
        .push(DnType::CommonName, "kube-apiserver");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    issue(folder, "apiserver", &params, authority)
}

fn client(
    folder: &Path,
    authority: &CertifiedIssuer<'_, KeyPair>,
    (name, group): (&str, Option<&str>),
) -> Result<()> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    if let Some(group) = group {
        params
            .distinguished_name
            .push(DnType::OrganizationName, group);
    }
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    issue(folder, name, &params, authority)
}

fn issue(
    folder: &Path,
    name: &str,
    params: &CertificateParams,
    authority: &CertifiedIssuer<'_, KeyPair>,
) -> Result<()> {
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, authority)?;
    fs::write(folder.join(format!("{name}.crt")), certificate.pem())?;
    fs::write(folder.join(format!("{name}.key")), key.serialize_pem())?;
    Ok(())
}
