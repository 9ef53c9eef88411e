// What the tools of the postgres server share.

export interface Column {
  name: string
  type: string
  nullable: boolean
  primary_key: boolean
  references: string | null
  default: string | null
  comment: string | null
}
