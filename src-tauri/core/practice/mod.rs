//! stub
#![expect(missing_docs, clippy::unused_async)]
use crate::{clock::Clock,error::Result,model::{access_key::AccessKey,arn::RoleArn,mfa::TotpSeed,params::{ExternalId,MfaSerial}}};
#[derive(Clone)] pub struct World;
impl World { pub fn ready_made(_s:[u8;32],_c:Clock)->(Self,ReadyMade){todo!()} pub fn new(_s:[u8;32],_c:Clock)->Self{Self} pub fn root_key(&self)->AccessKey{todo!()} pub fn account_id(&self)->String{todo!()} }
pub struct ReadyMade { pub user_name:String, pub key:AccessKey, pub mfa_serial:MfaSerial, pub mfa_seed:TotpSeed, pub mfa_role_arn:RoleArn, pub partner_role_arn:RoleArn, pub external_id:ExternalId }
pub struct Server;
impl Server { pub async fn start(_w:World,_p:u16)->Result<Self>{Ok(Self)} pub fn endpoint(&self)->String{todo!()} pub fn signin_endpoint(&self)->String{todo!()} pub async fn stop(self){} }
