//! The providers of a pool that moves here from another deployment: compared all together, then each is taken over as any
//! other.

use std::time::Duration;

use causeway_core::{
    export::{ExportedPool, ExportedProvider},
    moving::{Here, Move, compare},
    port::Ports,
    tenant::Tenant,
    timestamp::Timestamp,
    user_pool::UserPool,
};

use crate::{
    Adopted, AdoptionError, LookError, Reconciler,
    adoption::{Sides, adopted},
    look::Entered,
};

/// How much time a provider is begun with.
const TIME_FOR_ONE: Duration = Duration::from_secs(3);

/// An export, or a part of it.
#[derive(Debug, Clone, Copy)]
pub struct MoveRequest<'a> {
    /// The pool as it was exported.
    pub pool: &'a ExportedPool,
    /// Its providers.
    pub providers: &'a [ExportedProvider],
}

/// A provider that is as it was exported.
#[derive(Debug)]
pub struct Compared<'a> {
    /// It, as it was exported.
    pub exported: &'a ExportedProvider,
    /// What was done, or is to be; none where it was taken over before.
    pub adopted: Option<Adopted>,
}

impl<P: Ports> Reconciler<P> {
    /// Compares an export with what is here. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`AdoptionError::Differs`] where they are not the same.
    pub async fn plan_move<'r>(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        request: MoveRequest<'r>,
        deadline: Timestamp,
    ) -> Result<Vec<Compared<'r>>, AdoptionError> {
        let (_, moves) = Box::pin(self.decide_move(tenant, pool, request, deadline)).await?;
        Ok(moves.iter().map(|(exported, one)| compared(exported, one)).collect())
    }

    /// Takes over every provider of an export, or none where there is a difference.
    ///
    /// # Errors
    ///
    /// [`AdoptionError::Differs`] where they are not the same. Any other error can leave some of them taken over: sent again
    /// it goes on with the others.
    pub async fn move_here<'r>(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        request: MoveRequest<'r>,
        deadline: Timestamp,
    ) -> Result<Vec<Compared<'r>>, AdoptionError> {
        let moving = async |held: &UserPool| {
            // A role that lets others in is used for no write.
            self.check_role(tenant, held).await?;
            let (access, moves) = self.decide_move(tenant, held, request, deadline).await?;
            let mut done = Vec::new();
            for (exported, one) in moves {
                done.push(compared(exported, &one));
                if let Move::Adopt(adoption) = one {
                    if deadline.since(self.now()) < TIME_FOR_ONE {
                        return Err(LookError::OutOfTime.into());
                    }
                    self.take_over(held, &access, *adoption).await?;
                }
            }
            Ok(done)
        };
        self.holding(pool, deadline, moving).await
    }

    async fn decide_move<'r>(
        &self,
        tenant: &Tenant,
        pool: &UserPool,
        request: MoveRequest<'r>,
        deadline: Timestamp,
    ) -> Result<(Entered<P>, Vec<(&'r ExportedProvider, Move)>), AdoptionError> {
        let names: Vec<_> = request.providers.iter().map(|provider| provider.provider_name.clone()).collect();
        let Sides { access, providers, desired, claims, specs } =
            self.look_to_adopt(tenant, pool, &names, deadline).await?;
        let here = Here { pool, providers: &providers, desired: &desired, claims: &claims };
        let moves = compare(request.pool, request.providers, here, &specs, &|id| specs.issuer(id));
        Ok((access, moves.map_err(AdoptionError::Differs)?))
    }
}

fn compared<'r>(exported: &'r ExportedProvider, one: &Move) -> Compared<'r> {
    let adopted = match one {
        Move::Done => None,
        Move::Adopt(adoption) => Some(adopted(adoption)),
    };
    Compared { exported, adopted }
}
