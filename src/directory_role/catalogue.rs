//! The built-in directory roles, as Microsoft lists them, without those that are not for general use and the one of
//! directory synchronization. Of 2026-01-20.
//!
//! <https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference>

use super::DirectoryRole;

/// A built-in role.
pub(super) struct Row {
    pub(super) role: DirectoryRole,
    pub(super) name: &'static str,
    /// Whether Microsoft marks it as privileged.
    pub(super) privileged: bool,
}

macro_rules! roles {
    ($($constant:ident $name:literal $id:literal $privileged:literal;)*) => {
        impl DirectoryRole {
            $(
                #[doc = concat!("*", $name, "*.")]
                pub const $constant: Self = Self::from_u128($id);
            )*
        }

        /// The built-in roles, by name.
        pub(super) const ROWS: &[Row] =
            &[$(Row { role: DirectoryRole::$constant, name: $name, privileged: $privileged }),*];
    };
}

/// Names that roles had before.
pub(super) const FORMER_NAMES: &[(&str, DirectoryRole)] = &[
    ("Azure AD Joined Device Local Administrator", DirectoryRole::MICROSOFT_ENTRA_JOINED_DEVICE_LOCAL_ADMINISTRATOR),
    ("Company Administrator", DirectoryRole::GLOBAL_ADMINISTRATOR),
    ("Power BI Administrator", DirectoryRole::FABRIC_ADMINISTRATOR),
    ("Exchange Service Administrator", DirectoryRole::EXCHANGE_ADMINISTRATOR),
    ("Intune Service Administrator", DirectoryRole::INTUNE_ADMINISTRATOR),
    ("SharePoint Service Administrator", DirectoryRole::SHAREPOINT_ADMINISTRATOR),
    ("Lync Service Administrator", DirectoryRole::SKYPE_FOR_BUSINESS_ADMINISTRATOR),
    ("Teams Service Administrator", DirectoryRole::TEAMS_ADMINISTRATOR),
    ("User Account Administrator", DirectoryRole::USER_ADMINISTRATOR),
];

roles! {
    AGENT_ID_ADMINISTRATOR "Agent ID Administrator" 0xdb50_6228_d27e_4b7d_95e5_2959_56d6_615f true;
    AGENT_ID_DEVELOPER "Agent ID Developer" 0xadb2_368d_a9be_41b5_8667_d967_78e0_81b0 false;
    AGENT_REGISTRY_ADMINISTRATOR "Agent Registry Administrator" 0x6b94_2400_691f_4bf0_9d12_d8a2_54a2_baf5 false;
    AI_ADMINISTRATOR "AI Administrator" 0xd256_2ede_74db_457e_a7b6_544e_236e_bb61 false;
    APPLICATION_ADMINISTRATOR "Application Administrator" 0x9b89_5d92_2cd3_44c7_9d02_a6ac_2d5e_a5c3 true;
    APPLICATION_DEVELOPER "Application Developer" 0xcf1c_38e5_3621_4004_a7cb_8796_24dc_ed7c true;
    ATTACK_PAYLOAD_AUTHOR "Attack Payload Author" 0x9c6d_f0f2_1e7c_4dc3_b195_66df_bd24_aa8f false;
    ATTACK_SIMULATION_ADMINISTRATOR "Attack Simulation Administrator" 0xc430_b396_e693_46cc_96f3_db01_bf8b_b62a false;
    ATTRIBUTE_ASSIGNMENT_ADMINISTRATOR "Attribute Assignment Administrator" 0x58a1_3ea3_c632_46ae_9ee0_9c0d_43cd_7f3d false;
    ATTRIBUTE_ASSIGNMENT_READER "Attribute Assignment Reader" 0xffd5_2fa5_98dc_465c_991d_fc07_3eb5_9f8f false;
    ATTRIBUTE_DEFINITION_ADMINISTRATOR "Attribute Definition Administrator" 0x8424_c6f0_a189_499e_bbd0_26c1_753c_96d4 false;
    ATTRIBUTE_DEFINITION_READER "Attribute Definition Reader" 0x1d33_6d2c_4ae8_42ef_9711_b360_4ce3_fc2c false;
    ATTRIBUTE_LOG_ADMINISTRATOR "Attribute Log Administrator" 0x5b78_4334_f94b_471a_a387_e721_9fc4_9ca2 false;
    ATTRIBUTE_LOG_READER "Attribute Log Reader" 0x9c99_539d_8186_4804_835f_fd51_ef9e_2dcd false;
    ATTRIBUTE_PROVISIONING_ADMINISTRATOR "Attribute Provisioning Administrator" 0xecb2_c6bf_0ab6_418e_bd87_7986_f8d6_3bbe true;
    ATTRIBUTE_PROVISIONING_READER "Attribute Provisioning Reader" 0x4222_18e4_db15_4ef9_bbe0_8afb_4154_6d79 true;
    AUTHENTICATION_ADMINISTRATOR "Authentication Administrator" 0xc4e3_9bd9_1100_46d3_8c65_fb16_0da0_071f true;
    AUTHENTICATION_EXTENSIBILITY_ADMINISTRATOR "Authentication Extensibility Administrator" 0x25a5_16ed_2fa0_40ea_a2d0_1292_3a21_473a true;
    AUTHENTICATION_POLICY_ADMINISTRATOR "Authentication Policy Administrator" 0x0526_716b_113d_4c15_b2c8_68e3_c22b_9f80 false;
    AZURE_DEVOPS_ADMINISTRATOR "Azure DevOps Administrator" 0xe397_3bdf_4987_49ae_837a_ba8e_231c_7286 false;
    AZURE_INFORMATION_PROTECTION_ADMINISTRATOR "Azure Information Protection Administrator" 0x7495_fdc4_34c4_4d15_a289_9878_8ce3_99fd false;
    B2C_IEF_KEYSET_ADMINISTRATOR "B2C IEF Keyset Administrator" 0xaaf4_3236_0c0d_4d5f_883a_6955_382a_c081 true;
    B2C_IEF_POLICY_ADMINISTRATOR "B2C IEF Policy Administrator" 0x3eda_f663_341e_4475_9f94_5c39_8ef6_c070 false;
    BILLING_ADMINISTRATOR "Billing Administrator" 0xb0f5_4661_2d74_4c50_afa3_1ec8_03f1_2efe false;
    CLOUD_APP_SECURITY_ADMINISTRATOR "Cloud App Security Administrator" 0x892c_5842_a9a6_463a_8041_72aa_08ca_3cf6 false;
    CLOUD_APPLICATION_ADMINISTRATOR "Cloud Application Administrator" 0x158c_047a_c907_4556_b7ef_4465_51a6_b5f7 true;
    CLOUD_DEVICE_ADMINISTRATOR "Cloud Device Administrator" 0x7698_a772_787b_4ac8_901f_60d6_b08a_ffd2 true;
    COMPLIANCE_ADMINISTRATOR "Compliance Administrator" 0x1731_5797_102d_40b4_93e0_4320_62ca_ca18 false;
    COMPLIANCE_DATA_ADMINISTRATOR "Compliance Data Administrator" 0xe6d1_a23a_da11_4be4_9570_befc_86d0_67a7 false;
    CONDITIONAL_ACCESS_ADMINISTRATOR "Conditional Access Administrator" 0xb1be_1c3e_b65d_4f19_8427_f6fa_0d97_feb9 true;
    CUSTOMER_LOCKBOX_ACCESS_APPROVER "Customer LockBox Access Approver" 0x5c4f_9dcd_47dc_4cf7_8c9a_9e42_07cb_fc91 false;
    DESKTOP_ANALYTICS_ADMINISTRATOR "Desktop Analytics Administrator" 0x38a9_6431_2bdf_4b4c_8b6e_5d3d_8aba_c1a4 false;
    DIRECTORY_READERS "Directory Readers" 0x88d8_e3e3_8f55_4a1e_953a_9b98_98b8_876b false;
    DIRECTORY_WRITERS "Directory Writers" 0x9360_feb5_f418_4baa_8175_e2a0_0bac_4301 true;
    DOMAIN_NAME_ADMINISTRATOR "Domain Name Administrator" 0x8329_153b_31d0_4727_b945_745e_b3bc_5f31 true;
    DRAGON_ADMINISTRATOR "Dragon Administrator" 0xe93e_3737_fa85_474a_aee4_7d3f_b865_10f3 false;
    DYNAMICS_365_ADMINISTRATOR "Dynamics 365 Administrator" 0x4436_7163_eba1_44c3_98af_f578_7879_f96a false;
    DYNAMICS_365_BUSINESS_CENTRAL_ADMINISTRATOR "Dynamics 365 Business Central Administrator" 0x9637_97fb_eb3b_4cde_8ce3_5878_b3f3_2a3f false;
    EDGE_ADMINISTRATOR "Edge Administrator" 0x3f1a_cade_1e04_4fbc_9b69_f030_2cd8_4aef false;
    EXCHANGE_ADMINISTRATOR "Exchange Administrator" 0x2923_2cdf_9323_42fd_ade2_1d09_7af3_e4de false;
    EXCHANGE_BACKUP_ADMINISTRATOR "Exchange Backup Administrator" 0x49eb_8f75_97e9_4e37_9b2b_6c3e_bfcf_fa31 false;
    EXCHANGE_RECIPIENT_ADMINISTRATOR "Exchange Recipient Administrator" 0x3139_2ffb_586c_42d1_9346_e594_15a2_cc4e false;
    EXTENDED_DIRECTORY_USER_ADMINISTRATOR "Extended Directory User Administrator" 0xdd13_091a_6207_4fc0_82ba_3641_e056_ab95 false;
    EXTERNAL_ID_USER_FLOW_ADMINISTRATOR "External ID User Flow Administrator" 0x6e59_1065_9bad_43ed_90f3_e942_4366_d2f0 false;
    EXTERNAL_ID_USER_FLOW_ATTRIBUTE_ADMINISTRATOR "External ID User Flow Attribute Administrator" 0x0f97_1eea_41eb_4569_a71e_57bb_8a3e_ff1e false;
    EXTERNAL_IDENTITY_PROVIDER_ADMINISTRATOR "External Identity Provider Administrator" 0xbe2f_45a1_457d_42af_a067_6ec1_fa63_bc45 true;
    FABRIC_ADMINISTRATOR "Fabric Administrator" 0xa9ea_8996_122f_4c74_9520_8edc_d192_826c false;
    GLOBAL_ADMINISTRATOR "Global Administrator" 0x62e9_0394_69f5_4237_9190_0121_7714_5e10 true;
    GLOBAL_READER "Global Reader" 0xf2ef_992c_3afb_46b9_b7cf_a126_ee74_c451 true;
    GLOBAL_SECURE_ACCESS_ADMINISTRATOR "Global Secure Access Administrator" 0xac43_4307_12b9_4fa1_a708_88bf_58ca_abc1 false;
    GLOBAL_SECURE_ACCESS_LOG_READER "Global Secure Access Log Reader" 0x8433_18fb_79a6_4168_9e6f_aa9a_0748_1cc4 false;
    GROUPS_ADMINISTRATOR "Groups Administrator" 0xfdd7_a751_b60b_444a_984c_0265_2fe8_fa1c false;
    GUEST_INVITER "Guest Inviter" 0x95e7_9109_95c0_4d8e_aee3_d01a_ccf2_d47b false;
    HELPDESK_ADMINISTRATOR "Helpdesk Administrator" 0x7298_27e3_9c14_49f7_bb1b_9608_f156_bbb8 true;
    HYBRID_IDENTITY_ADMINISTRATOR "Hybrid Identity Administrator" 0x8ac3_fc64_6eca_42ea_9e69_59f4_c7b6_0eb2 true;
    IDENTITY_GOVERNANCE_ADMINISTRATOR "Identity Governance Administrator" 0x45d8_d3c5_c802_45c6_b32a_1d70_b5e1_e86e false;
    INSIGHTS_ADMINISTRATOR "Insights Administrator" 0xeb1f_4a8d_243a_41f0_9fbd_c7cd_f6c5_ef7c false;
    INSIGHTS_ANALYST "Insights Analyst" 0x25df_335f_86eb_4119_b717_0ff0_2de2_07e9 false;
    INSIGHTS_BUSINESS_LEADER "Insights Business Leader" 0x31e9_39ad_9672_4796_9c2e_8731_8134_2d2d false;
    INTUNE_ADMINISTRATOR "Intune Administrator" 0x3a2c_62db_5318_420d_8d74_23af_fee5_d9d5 true;
    IOT_DEVICE_ADMINISTRATOR "IoT Device Administrator" 0x2ea5_ce4c_b2d8_4668_bd81_3680_bd2d_227a false;
    KAIZALA_ADMINISTRATOR "Kaizala Administrator" 0x74ef_975b_6605_40af_a5d2_b953_9d83_6353 false;
    KNOWLEDGE_ADMINISTRATOR "Knowledge Administrator" 0xb5a8_dcf3_09d5_43a9_a639_8e29_ef29_1470 false;
    KNOWLEDGE_MANAGER "Knowledge Manager" 0x744e_c460_397e_42ad_a462_8b3f_9747_a02c false;
    LICENSE_ADMINISTRATOR "License Administrator" 0x4d6a_c14f_3453_41d0_bef9_a3e0_c569_773a false;
    LIFECYCLE_WORKFLOWS_ADMINISTRATOR "Lifecycle Workflows Administrator" 0x59d4_6f88_662b_457b_bceb_5c38_09e5_908f true;
    MESSAGE_CENTER_PRIVACY_READER "Message Center Privacy Reader" 0xac16_e43d_7b2d_40e0_ac05_243f_f356_ab5b false;
    MESSAGE_CENTER_READER "Message Center Reader" 0x790c_1fb9_7f7d_4f88_86a1_ef1f_95c0_5c1b false;
    MICROSOFT_365_BACKUP_ADMINISTRATOR "Microsoft 365 Backup Administrator" 0x1707_125e_0aa2_4d4d_8655_a7c7_86c7_6a25 false;
    MICROSOFT_365_MIGRATION_ADMINISTRATOR "Microsoft 365 Migration Administrator" 0x8c8b_803f_96e1_4129_9349_2073_8d9f_9652 false;
    MICROSOFT_ENTRA_JOINED_DEVICE_LOCAL_ADMINISTRATOR "Microsoft Entra Joined Device Local Administrator" 0x9f06_204d_73c1_4d4c_880a_6edb_9060_6fd8 false;
    MICROSOFT_GRAPH_DATA_CONNECT_ADMINISTRATOR "Microsoft Graph Data Connect Administrator" 0xee67_aa9c_e510_4759_b906_2270_85a7_fd4d false;
    MICROSOFT_HARDWARE_WARRANTY_ADMINISTRATOR "Microsoft Hardware Warranty Administrator" 0x1501_b917_7653_4ff9_a4b5_203e_af33_784f false;
    MICROSOFT_HARDWARE_WARRANTY_SPECIALIST "Microsoft Hardware Warranty Specialist" 0x281f_e777_fb20_4fbb_b7a3_cceb_ce5b_0d96 false;
    NETWORK_ADMINISTRATOR "Network Administrator" 0xd37c_8bed_0711_4417_ba38_b4ab_e66c_e4c2 false;
    OFFICE_APPS_ADMINISTRATOR "Office Apps Administrator" 0x2b74_5bdf_0803_4d80_aa65_822c_4493_daac false;
    ORGANIZATIONAL_BRANDING_ADMINISTRATOR "Organizational Branding Administrator" 0x92ed_04bf_c94a_4b82_9729_b799_a7a4_c178 false;
    ORGANIZATIONAL_DATA_SOURCE_ADMINISTRATOR "Organizational Data Source Administrator" 0x9d70_768a_0cbc_4b4c_aea3_2e12_4b24_77f4 false;
    ORGANIZATIONAL_MESSAGES_APPROVER "Organizational Messages Approver" 0xe483_98e2_f4bb_4074_8f31_4586_725e_205b false;
    ORGANIZATIONAL_MESSAGES_WRITER "Organizational Messages Writer" 0x507f_53e4_4e52_4077_abd3_d2e1_558b_6ea2 false;
    PASSWORD_ADMINISTRATOR "Password Administrator" 0x9667_07d0_3269_4727_9be2_8c3a_10f1_9b9d true;
    PEOPLE_ADMINISTRATOR "People Administrator" 0x0249_06de_61e5_49c8_8572_4033_5f1e_0e10 false;
    PERMISSIONS_MANAGEMENT_ADMINISTRATOR "Permissions Management Administrator" 0xaf78_dc32_cf4d_46f9_ba4e_4428_5263_46b5 false;
    PLACES_ADMINISTRATOR "Places Administrator" 0x78b0_ccd1_afc2_4f92_9116_b41a_edd0_9592 false;
    POWER_PLATFORM_ADMINISTRATOR "Power Platform Administrator" 0x1164_8597_926c_4cf3_9c36_bceb_b0ba_8dcc false;
    PRINTER_ADMINISTRATOR "Printer Administrator" 0x644e_f478_e28f_4e28_b9dc_3fdd_e9aa_0b1f false;
    PRINTER_TECHNICIAN "Printer Technician" 0xe8ce_f6f1_e4bd_4ea8_bc07_4b8d_950f_4477 false;
    PRIVILEGED_AUTHENTICATION_ADMINISTRATOR "Privileged Authentication Administrator" 0x7be4_4c8a_adaf_4e2a_84d6_ab26_49e0_8a13 true;
    PRIVILEGED_ROLE_ADMINISTRATOR "Privileged Role Administrator" 0xe861_1ab8_c189_46e8_94e1_6021_3ab1_f814 true;
    REPORTS_READER "Reports Reader" 0x4a5d_8f65_41da_4de4_8968_e035_b653_39cf false;
    SEARCH_ADMINISTRATOR "Search Administrator" 0x0964_bb5e_9bdb_4d7b_ac29_58e7_9486_2a40 false;
    SEARCH_EDITOR "Search Editor" 0x8835_291a_918c_4fd7_a9ce_faa4_9f0c_f7d9 false;
    SECURITY_ADMINISTRATOR "Security Administrator" 0x194a_e4cb_b126_40b2_bd5b_6091_b380_977d true;
    SECURITY_OPERATOR "Security Operator" 0x5f22_22b1_57c3_48ba_8ad5_d475_9f1f_de6f true;
    SECURITY_READER "Security Reader" 0x5d6b_6bb7_de71_4623_b4af_9638_0a35_2509 true;
    SERVICE_SUPPORT_ADMINISTRATOR "Service Support Administrator" 0xf023_fd81_a637_4b56_95fd_791a_c022_6033 false;
    SHAREPOINT_ADMINISTRATOR "SharePoint Administrator" 0xf28a_1f50_f6e7_4571_818b_6a12_f2af_6b6c false;
    SHAREPOINT_ADVANCED_MANAGEMENT_ADMINISTRATOR "SharePoint Advanced Management Administrator" 0x9900_9c4a_3b3f_4957_82a9_9d35_e12d_b77e false;
    SHAREPOINT_BACKUP_ADMINISTRATOR "SharePoint Backup Administrator" 0x9d3e_04ba_3ee4_4d1b_a3a7_9aef_423a_09be false;
    SHAREPOINT_EMBEDDED_ADMINISTRATOR "SharePoint Embedded Administrator" 0x1a7d_78b6_429f_476b_b8eb_35fb_715f_ffd4 false;
    SKYPE_FOR_BUSINESS_ADMINISTRATOR "Skype for Business Administrator" 0x7594_1009_915a_4869_abe7_691b_ff18_279e false;
    TEAMS_ADMINISTRATOR "Teams Administrator" 0x6909_1246_20e8_4a56_aa4d_0660_75b2_a7a8 false;
    TEAMS_COMMUNICATIONS_ADMINISTRATOR "Teams Communications Administrator" 0xbaf3_7b3a_610e_45da_9e62_d9d1_e5e8_914b false;
    TEAMS_COMMUNICATIONS_SUPPORT_ENGINEER "Teams Communications Support Engineer" 0xf709_38a0_fc10_4177_9e90_2178_f876_5737 false;
    TEAMS_COMMUNICATIONS_SUPPORT_SPECIALIST "Teams Communications Support Specialist" 0xfcf9_1098_03e3_41a9_b5ba_6f0e_c818_8a12 false;
    TEAMS_DEVICES_ADMINISTRATOR "Teams Devices Administrator" 0x3d76_2c5a_1b6c_493f_843e_55a3_b429_23d4 false;
    TEAMS_READER "Teams Reader" 0x1076_ac91_f3d9_41a7_a339_dcdf_5f48_0acc false;
    TEAMS_TELEPHONY_ADMINISTRATOR "Teams Telephony Administrator" 0xaa38_014f_0993_46e9_9b45_3050_1a20_909d false;
    TENANT_CREATOR "Tenant Creator" 0x112c_a1a2_15ad_4102_995e_45b0_bc47_9a6a false;
    USAGE_SUMMARY_REPORTS_READER "Usage Summary Reports Reader" 0x7593_4031_6c7e_415a_99d7_48db_d49e_875e false;
    USER_ADMINISTRATOR "User Administrator" 0xfe93_0be7_5e62_47db_91af_98c3_a49a_38b1 true;
    USER_EXPERIENCE_SUCCESS_MANAGER "User Experience Success Manager" 0x2746_0883_1df1_4691_b032_3b79_643e_5e63 false;
    VIRTUAL_VISITS_ADMINISTRATOR "Virtual Visits Administrator" 0xe300_d9e7_4a2b_4295_9eff_f1c7_8b36_cc98 false;
    VIVA_GLINT_TENANT_ADMINISTRATOR "Viva Glint Tenant Administrator" 0x0ec3_f692_38d6_4d14_9e69_0377_ca77_97ad false;
    VIVA_GOALS_ADMINISTRATOR "Viva Goals Administrator" 0x92b0_86b3_e367_4ef2_b869_1de1_28fb_986e false;
    VIVA_PULSE_ADMINISTRATOR "Viva Pulse Administrator" 0x8776_1b17_1ed2_4af3_9acd_92a1_5003_8160 false;
    WINDOWS_365_ADMINISTRATOR "Windows 365 Administrator" 0x1145_1d60_acb2_45eb_a7d6_43d0_f012_5c13 false;
    WINDOWS_UPDATE_DEPLOYMENT_ADMINISTRATOR "Windows Update Deployment Administrator" 0x3269_6413_001a_46ae_978c_ce0f_6b36_20d2 false;
    YAMMER_ADMINISTRATOR "Yammer Administrator" 0x810a_2642_a034_447f_a5e8_41be_aa37_8541 false;
}
