//! Flags about routers (OPS-02).

use clap::Args;

/// Which versions of routers' objects the cluster serves, and which Ingresses are whose.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Routers")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of upstream's"
)]
pub struct RouterArgs {
    /// Version of `TargetGroupBinding`.
    #[arg(long, default_value = "elbv2.k8s.aws/v1beta1")]
    pub aws_target_group_binding_api_version: String,
    /// Tag of AWS load balancers that names their resource.
    #[arg(long, default_value = "ingress.k8s.aws/resource")]
    pub alb_tag_key_resource_id: String,
    /// Version of Istio's `VirtualService` and `DestinationRule`.
    #[arg(long, default_value = "v1alpha3")]
    pub istio_api_version: String,
    /// Version of Ambassador's `Mapping`.
    #[arg(long, default_value = "getambassador.io/v2")]
    pub ambassador_api_version: String,
    /// Version of SMI's `TrafficSplit`.
    #[arg(long, default_value = "v1alpha1")]
    pub traffic_split_api_version: String,
    /// Group of Traefik's objects.
    #[arg(long, default_value = "traefik.io")]
    pub traefik_api_group: String,
    /// Version of Traefik's objects.
    #[arg(long, default_value = "traefik.io/v1alpha1")]
    pub traefik_api_version: String,
    /// Version of Ingresses; networking.k8s.io/v1 is the only one that servers still have.
    #[arg(long, default_value = "")]
    pub ingress_api_version: String,
    /// Version of App Mesh's objects.
    #[arg(long, default_value = "v1beta2")]
    pub appmesh_crd_version: String,
    /// Classes of Ingresses behind AWS load balancers, may be repeated.
    #[arg(long, default_value = "alb")]
    pub alb_ingress_classes: Vec<String>,
    /// Classes of Ingresses behind NGINX, may be repeated.
    #[arg(long, default_value = "nginx")]
    pub nginx_ingress_classes: Vec<String>,
    /// Verify the targets of AWS load balancers before an update goes on.
    #[arg(long)]
    pub aws_verify_target_group: bool,
    /// Deprecated name of --aws-verify-target-group.
    #[arg(long, hide = true)]
    pub alb_verify_weight: bool,
}
