//! The reconciler as it is deployed: over DynamoDB and KMS, Cognito, and WorkOS.

use causeway_cognito::Access;
use causeway_core::port::Ports;
use causeway_reconciler::Reconciler;
use causeway_store::StoredTable;
use causeway_workos::Workos;

/// The ports of a deployment.
#[derive(Debug, Clone, Copy)]
pub enum Deployed {}

impl Ports for Deployed {
    type Table = StoredTable;
    type Pools = Access;
    type Directory = Workos;
}

/// Reconciles user pools of AWS.
pub type DeployedReconciler = Reconciler<Deployed>;
