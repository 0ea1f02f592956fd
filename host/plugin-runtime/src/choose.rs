//! Which family is the one for a model.

use std::sync::Arc;

use model::{Fit, ModelCard};

use crate::installed::Installed;
use crate::loader::Plugin;
use crate::status::Choice;
use crate::{PluginError, description};

/// Asks the families for a model's; see [`crate::PluginRuntime::choose`].
///
/// While files are being compiled only an exact fit counts: one of them may fit better than what
/// is there.
pub(crate) fn choose(
    installed: &Installed,
    card: &ModelCard,
    wanted: Option<&str>,
) -> Result<Choice, PluginError> {
    let asked: Vec<&Arc<Plugin>> = match wanted {
        Some(name) => vec![installed.family(name)?],
        None => installed.families.values().collect(),
    };
    let mut considered: Vec<(String, Fit, String)> = vec![];
    let mut best: Option<(&Arc<Plugin>, Fit, String)> = None;
    for plugin in asked {
        // A family that fails here is not the one; its failure is told with the others' answers.
        let (fit, reason) = plugin
            .family
            .recognize(&mut plugin.sandbox(), card)
            .unwrap_or_else(|error| (Fit::None, error.to_string()));
        considered.push((plugin.description.name.clone(), fit, reason.clone()));
        let least = best.as_ref().map_or(Fit::None, |(_, fit, _)| *fit);
        if fit > least || wanted.is_some() {
            best = Some((plugin, fit, reason));
        }
    }
    if wanted.is_none()
        && best.as_ref().is_none_or(|(_, fit, _)| *fit < Fit::Exact)
        && let Some(compiling) = installed.compiling()
    {
        return Err(compiling);
    }
    let Some((plugin, fit, reason)) = best else {
        return Err(PluginError::NoFamily {
            model: card.name.clone(),
            architecture: card.architecture.clone(),
            installed: installed.names(),
            considered: considered.into_iter().map(|(name, _, why)| (name, why)).collect(),
        });
    };
    let mut sandbox = plugin.sandbox();
    let profile = plugin.family.profile(&mut sandbox, card)?;
    description::validate_profile(&profile)
        .map_err(|fault| sandbox.fail(&format!("its profile is not valid: {fault}")))?;
    Ok(Choice {
        family: plugin.description.name.clone(),
        version: plugin.description.version.clone(),
        abilities: plugin.family.abilities().to_vec(),
        profile,
        fit,
        reason,
        considered,
    })
}
